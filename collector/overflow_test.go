package collector

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/client"
)

// This file says anew, with all images at hand and no thought of memory, what
// overflow must do, and compares.

// labelValue gives a label's value by the words of the documentation.
func labelValue(name string, img *client.Image) string {
	text := map[string]func() string{
		"status":           func() string { return string(img.Status) },
		"disk_format":      func() string { return string(img.DiskFormat) },
		"container_format": func() string { return string(img.ContainerFormat) },
		"visibility":       func() string { return string(img.Visibility) },
		"owner":            func() string { return string(img.Owner) },
		"public":           img.Public.String,
		"protected":        img.Protected.String,
		"hidden":           img.Hidden.String,
	}[name]()
	if text == "" {
		return "none"
	}
	return text
}

// expected sums up what is told of one series in plain numbers.
type expected struct {
	images, withVirtual uint64
	size, virtual       big.Int
}

// join makes a key of label values for the maps of this file.
func join(values []string) string { return strings.Join(values, "|") }

// reference groups images: the series by their label values, and the number of
// combinations that do not show under their own name.
func reference(names []string, limit int, images []client.Image) (map[string]*expected, int) {
	folds := []string{"owner", "disk_format", "container_format"}
	statuses := map[string]bool{}
	combinations := map[string][]string{}
	combination := func(img *client.Image) []string {
		var values []string
		for _, name := range names {
			values = append(values, labelValue(name, img))
		}
		return values
	}
	for i := range images {
		statuses[labelValue("status", &images[i])] = true
		values := combination(&images[i])
		combinations[join(values)] = values
	}

	var firstStatuses []string
	for status := range statuses {
		firstStatuses = append(firstStatuses, status)
	}
	slices.Sort(firstStatuses)
	firstStatuses = firstStatuses[:min(len(firstStatuses), 100)]
	statusAt := slices.Index(names, "status")
	keepsStatus := func(values []string) bool {
		return statusAt < 0 || slices.Contains(firstStatuses, values[statusAt])
	}

	var ordered [][]string
	for _, values := range combinations {
		if keepsStatus(values) {
			ordered = append(ordered, values)
		}
	}
	slices.SortFunc(ordered, func(a, b []string) int {
		if statusAt >= 0 && a[statusAt] != b[statusAt] {
			return strings.Compare(a[statusAt], b[statusAt])
		}
		return slices.Compare(a, b)
	})
	anyFolds := slices.ContainsFunc(names, func(name string) bool { return slices.Contains(folds, name) })
	if len(ordered) > limit && anyFolds {
		ordered = ordered[:limit]
	}
	kept := map[string]bool{}
	for _, values := range ordered {
		kept[join(values)] = true
	}

	series := map[string]*expected{}
	for i := range images {
		values := combination(&images[i])
		if !kept[join(values)] {
			keeps := keepsStatus(values)
			for at, name := range names {
				if slices.Contains(folds, name) || name == "status" && !keeps {
					values[at] = "other"
				}
			}
		}
		key := join(values)
		if series[key] == nil {
			series[key] = &expected{}
		}
		sum := series[key]
		sum.images++
		if images[i].SizeKnown {
			sum.size.Add(&sum.size, big.NewInt(images[i].Size))
		}
		if images[i].VirtualSize >= 0 {
			sum.withVirtual++
			sum.virtual.Add(&sum.virtual, big.NewInt(images[i].VirtualSize))
		}
	}
	return series, len(combinations) - len(kept)
}

// randomImages makes an inventory of n images with that many statuses and
// owners.
func randomImages(random *rand.Rand, n, statuses, owners int) []client.Image {
	pick := func(words ...string) []byte { return []byte(words[random.IntN(len(words))]) }
	flag := func() client.Flag { return client.Flag(random.IntN(3)) }
	text := func(kinds int) []byte {
		if random.IntN(10) == 0 {
			return pick("", "none", "other", "o", "othe", "others", "zzz", "é")
		}
		return []byte("v" + strconv.Itoa(random.IntN(kinds)))
	}
	images := make([]client.Image, n)
	for i := range images {
		images[i] = client.Image{
			Status:          text(statuses),
			DiskFormat:      pick("", "qcow2", "raw", "other"),
			ContainerFormat: pick("", "bare"),
			Visibility:      pick("", "public", "private", "shared", "community"),
			Owner:           text(owners),
			Size:            random.Int64(),
			SizeKnown:       random.IntN(4) > 0,
			VirtualSize:     max(random.Int64()-1<<61, -1),
			Public:          flag(),
			Protected:       flag(),
			Hidden:          flag(),
			Created:         began.AddDate(0, 0, random.IntN(100)),
			Updated:         began.AddDate(0, 0, random.IntN(100)),
		}
	}
	return images
}

// inRandomPages sums images up, in random order, on pages of random length,
// some of which are read twice because they broke off.
func inRandomPages(random *rand.Rand, config Config, images []client.Image) *Inventory {
	order := random.Perm(len(images))
	totals := NewTotals(config)
	for len(order) > 0 {
		length := 1 + random.IntN(len(order))
		if random.IntN(2) == 0 {
			length = min(length, 20)
		}
		if random.IntN(4) == 0 {
			broken := totals.NewPage()
			for _, i := range order[:length] {
				broken.Add(&images[i])
			}
		}
		page := totals.NewPage()
		for _, i := range order[:length] {
			page.Add(&images[i])
		}
		page.Commit()
		order = order[length:]
	}
	return totals.Inventory(began)
}

func TestOverflowDependsOnTheInventoryOnly(t *testing.T) {
	cases := []struct {
		labels           string
		limit            int
		statuses, owners int
	}{
		{"status disk_format public protected", 2000, 10, 10},
		{"status disk_format public protected", 20, 10, 10},
		{"status disk_format public protected", 2000, 300, 10},
		{"status disk_format public protected", 50, 300, 10},
		{"status owner", 100, 5, 500},
		{"status owner", 1, 300, 500},
		{"owner status", 40, 20, 50},
		{"owner", 7, 150, 300},
		{"hidden owner", 30, 1, 300},
		{"status public", 3, 150, 1},
		{"status", 1, 150, 1},
		{"public visibility", 1, 150, 1},
		{"", 1, 150, 1},
		{"owner protected container_format disk_format status visibility hidden public", 500, 120, 100},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s limit=%d statuses=%d owners=%d", c.labels, c.limit, c.statuses, c.owners), func(t *testing.T) {
			names := strings.Fields(c.labels)
			config := Config{Labels: mustLabels(t, names...), MaxGroups: c.limit}
			for seed := range uint64(2) {
				random := rand.New(rand.NewPCG(seed, 1))
				images := randomImages(random, 1500, c.statuses, c.owners)
				first := inRandomPages(random, config, images)
				checkGroups(t, first, config, images)
				checkStatuses(t, first, images)
				for range 3 {
					if again := inRandomPages(random, config, images); !reflect.DeepEqual(again, first) {
						t.Fatalf("seed %d: another order makes another inventory", seed)
					}
				}
			}
		})
	}
}

// checkGroups compares the groups of an inventory with the reference.
func checkGroups(t *testing.T, got *Inventory, config Config, images []client.Image) {
	t.Helper()
	want, overflow := reference(config.Labels.Names(), config.MaxGroups, images)
	if got.overflow != overflow {
		t.Fatalf("%d groups overflow, want %d", got.overflow, overflow)
	}
	if len(got.groups) != len(want) {
		t.Fatalf("%d series, want %d", len(got.groups), len(want))
	}
	for _, row := range got.groups {
		key := join(row.values)
		sum := want[key]
		if sum == nil {
			t.Fatalf("%s must not be there", key)
		}
		if row.images != sum.images || row.withVirtual != sum.withVirtual ||
			exact(row.size).Cmp(&sum.size) != 0 || exact(row.virtual).Cmp(&sum.virtual) != 0 {
			t.Fatalf("%s: got %+v, want %+v", key, row, sum)
		}
	}
}

// checkStatuses compares how many images are in each status, public or not.
func checkStatuses(t *testing.T, got *Inventory, images []client.Image) {
	t.Helper()
	var statuses []string
	for i := range images {
		statuses = append(statuses, labelValue("status", &images[i]))
	}
	slices.Sort(statuses)
	statuses = slices.Compact(statuses)
	want := map[string]uint64{}
	for i := range images {
		status := labelValue("status", &images[i])
		if slices.Index(statuses, status) >= 100 {
			status = "other"
		}
		want[status+" "+images[i].Public.String()]++
	}
	found := map[string]uint64{}
	for _, row := range got.statuses {
		found[strings.Join(row.values, " ")] += row.images
	}
	if !reflect.DeepEqual(found, want) {
		t.Fatalf("got %v, want %v", found, want)
	}
}

func TestTotalsAreExactWhateverFolds(t *testing.T) {
	images := randomImages(rand.New(rand.NewPCG(1, 2)), 3000, 250, 400)
	public := func(inventory *Inventory) map[string]uint64 {
		sums := map[string]uint64{}
		for _, row := range inventory.groups {
			sums[row.values[1]] += row.images
		}
		return sums
	}
	labels := mustLabels(t, "status", "public", "owner")
	all := public(inventoryOf(Config{Labels: labels, MaxGroups: 1 << 20}, images...))
	few := public(inventoryOf(Config{Labels: labels, MaxGroups: 10}, images...))
	if !reflect.DeepEqual(few, all) {
		t.Errorf("got %v, want %v", few, all)
	}
}

// A service that makes up a status and a format for every image costs the 8
// bytes that count each combination, and not its text.
func TestMemoryIsBoundedWhileTotalsAreFilled(t *testing.T) {
	const images, textBytes = 20_000, 300
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	cases := []struct {
		name             string
		labels           []string
		groups, overflow int
	}{
		{"all labels", LabelNames(), 100 + 1, images - 100},
		{"status alone", []string{"status"}, 100 + 1, images - 100},
		{"without status", []string{"disk_format"}, 100 + 1, images - 100},
		{"no labels", nil, 1, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			totals := NewTotals(Config{Labels: mustLabels(t, c.labels...), MaxGroups: 100})
			page := totals.NewPage()
			img := anImage()
			before := heap()
			for i := range images {
				img.Status = fmt.Appendf(img.Status[:0], "%0*d", textBytes, i)
				img.DiskFormat = append(img.DiskFormat[:0], img.Status...)
				page.Add(&img)
			}
			if after := heap(); after > before+4<<20 {
				t.Errorf("%d images cost %d KiB", images, (after-before)>>10)
			}
			page.Commit()
			inventory := totals.Inventory(began)
			if len(inventory.groups) != c.groups || inventory.overflow != c.overflow || len(inventory.statuses) != 100+1 {
				t.Errorf("%d groups, %d of them folded, %d statuses", len(inventory.groups), inventory.overflow, len(inventory.statuses))
			}
		})
	}
}
