package collector

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/client"
)

func TestADroppedPageLeavesNoTrace(t *testing.T) {
	config := Config{Labels: DefaultLabels(), MaxGroups: 2}
	totals := NewTotals(config)
	img := anImage()

	kept, dropped := totals.NewPage(), totals.NewPage()
	kept.Add(&img)
	for i := range 500 {
		other := anImage()
		other.Status, other.DiskFormat = []byte(strconv.Itoa(i)), []byte(strconv.Itoa(i))
		dropped.Add(&other)
	}
	if pages, images := totals.Progress(); pages != 0 || images != 0 {
		t.Errorf("before a commit there are %d pages, %d images", pages, images)
	}
	kept.Commit()
	if pages, images := totals.Progress(); pages != 1 || images != 1 {
		t.Errorf("after the commit there are %d pages, %d images", pages, images)
	}
	if got, want := totals.Inventory(began), inventoryOf(config, img); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnInventoryDoesNotChange(t *testing.T) {
	config := Config{Labels: DefaultLabels(), MaxGroups: 4}
	totals := NewTotals(config)
	add := func() *Inventory {
		page := totals.NewPage()
		for _, img := range crowd() {
			page.Add(&img)
		}
		page.Commit()
		return totals.Inventory(began)
	}
	first, second := add(), add()
	if want := inventoryOf(config, crowd()...); !reflect.DeepEqual(first, want) {
		t.Errorf("got %+v, want %+v", first, want)
	}
	if want := inventoryOf(config, append(crowd(), crowd()...)...); !reflect.DeepEqual(second, want) {
		t.Errorf("got %+v, want %+v", second, want)
	}
	if first.Images() != 12 || !first.Began().Equal(began) {
		t.Errorf("%d images at %v", first.Images(), first.Began())
	}
}

func TestTheImageIsNotKept(t *testing.T) {
	config := Config{Labels: mustLabels(t, LabelNames()...)}
	totals := NewTotals(config)
	page := totals.NewPage()
	img := anImage()
	page.Add(&img)
	for _, text := range [][]byte{img.Status, img.DiskFormat, img.ContainerFormat, img.Visibility, img.Owner} {
		clear(text)
	}
	page.Commit()
	if got, want := totals.Inventory(began), inventoryOf(config, anImage()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAnImageOfAKnownGroupAllocatesNothing(t *testing.T) {
	names := append(LabelNames(), "property:os_distro", "property:none")
	page := NewTotals(Config{Labels: mustLabels(t, names...)}).NewPage()
	img := anImage()
	img.Owner = []byte("bro\xFFken")
	img.Properties = [][]byte{[]byte("debi\xFFan"), nil}
	page.Add(&img)
	if allocs := testing.AllocsPerRun(1000, func() { page.Add(&img) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// exact gives a sum without rounding it.
func exact(sum wide) *big.Int {
	n := new(big.Int).SetUint64(sum.hi)
	return n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(sum.lo))
}

func TestSumsDoNotOverflow(t *testing.T) {
	var sum wide
	want := new(big.Int)
	for i := range 1000 {
		n := math.MaxInt64 - int64(i)
		sum.add(n)
		want.Add(want, big.NewInt(n))
	}
	if got := exact(sum); got.Cmp(want) != 0 {
		t.Errorf("got %v, want %v", got, want)
	}
	if float, _ := new(big.Float).SetInt(want).Float64(); sum.float() != float {
		t.Errorf("got %v, want %v", sum.float(), float)
	}
}

func TestSizesOfAGroup(t *testing.T) {
	sized := func(size int64, known bool, virtual int64) client.Image {
		return client.Image{Size: size, SizeKnown: known, VirtualSize: virtual}
	}
	cases := []struct {
		name   string
		images []client.Image
		want   group
	}{
		{"known", []client.Image{sized(5, true, 7), sized(6, true, 8)}, group{images: 2, size: wide{lo: 11}, virtual: wide{lo: 15}, withVirtual: 2}},
		{"not known", []client.Image{sized(5, false, -1)}, group{images: 1}},
		{"some", []client.Image{sized(5, true, -1), sized(6, false, 8)}, group{images: 2, size: wide{lo: 5}, virtual: wide{lo: 8}, withVirtual: 1}},
		{"a virtual size of 0 is one", []client.Image{sized(0, true, 0)}, group{images: 1, withVirtual: 1}},
		{"a negative size counts as 0", []client.Image{sized(-5, true, -5), sized(6, true, -1)}, group{images: 2, size: wide{lo: 6}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inventory := inventoryOf(Config{}, c.images...)
			if got := inventory.groups[0].group; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if inventory.size != c.want.size {
				t.Errorf("in all %+v, want %+v", inventory.size, c.want.size)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	early, late := time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()
	sum := []byte("eb9139e4942121f22bbc2afc0400b2a4")
	cases := []struct {
		name   string
		images []client.Image
		want   condition
	}{
		{
			"nothing known",
			[]client.Image{{}},
			condition{images: 1, withoutChecksum: 1, withoutSize: 1},
		},
		{
			"nothing wrong",
			[]client.Image{{Checksum: sum, SizeKnown: true, Protected: client.True}},
			condition{images: 1},
		},
		{
			"a size of 0 that is known is known",
			[]client.Image{{Checksum: sum, Size: 0, SizeKnown: true}},
			condition{images: 1},
		},
		{
			"a size that the service does not vouch for is not",
			[]client.Image{{Checksum: sum, Size: 5, SizeKnown: false}},
			condition{images: 1, withoutSize: 1},
		},
		{
			"unprotected means false, not unknown",
			[]client.Image{{Checksum: sum, SizeKnown: true, Protected: client.False}, {Checksum: sum, SizeKnown: true}},
			condition{images: 2, unprotected: 1},
		},
		{
			"the oldest update and the newest creation",
			[]client.Image{
				{Checksum: sum, SizeKnown: true, Created: early, Updated: late},
				{Checksum: sum, SizeKnown: true, Created: late, Updated: early},
				{Checksum: sum, SizeKnown: true},
			},
			condition{images: 3, oldestUpdate: early, newestCreation: late},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := inventoryOf(Config{}, c.images...).statuses[0].condition; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestConditionsDoNotDependOnTheLabels(t *testing.T) {
	images := append(nastyImages(), crowd()...)
	want := inventoryOf(Config{Labels: DefaultLabels()}, images...).statuses
	got := inventoryOf(Config{Labels: mustLabels(t, "owner"), MaxGroups: 1}, images...).statuses
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A cloud of 200,000 projects is one of 2,000 groups while it is read, too.
func TestTwoHundredThousandOwners(t *testing.T) {
	const owners, limit, pageSize = 200_000, DefaultMaxGroups, 1000
	totals := NewTotals(Config{Labels: mustLabels(t, "status", "owner")})
	img := anImage()
	img.Size = 1
	read := func(from, step int) {
		for first := 0; first < owners; first += pageSize {
			current, ok := totals.NewPage().(*page)
			if !ok {
				t.Fatal("a page of totals is something else")
			}
			for i := range pageSize {
				img.Owner = fmt.Appendf(img.Owner[:0], "p%06d", (from+(first+i)*step)%owners)
				current.Add(&img)
			}
			current.Commit()
			for _, g := range []groups{current.totals.groups, totals.groups} {
				if len(g.kept) > 2*limit || len(g.folded) > 1 {
					t.Fatalf("%d groups are kept after %d images, and %d folded ones", len(g.kept), totals.images.Load(), len(g.folded))
				}
			}
		}
	}
	read(0, 1)      // in order
	read(7, 77_777) // and all again, here and there, which makes no more combinations
	inventory := totals.Inventory(began)
	if inventory.overflow != owners-limit || len(inventory.groups) != limit+1 || inventory.Images() != 2*owners {
		t.Fatalf("%d groups of %d images, %d folded", len(inventory.groups), inventory.images, inventory.overflow)
	}
	for i, row := range inventory.groups {
		want := groupRow{[]string{"active", ""}, group{images: 2, size: wide{lo: 2}}}
		if i == 0 {
			want.values[1], want.images, want.size.lo = valueOther, 2*(owners-limit), 2*(owners-limit)
		} else {
			want.values[1] = fmt.Sprintf("p%06d", i-1)
		}
		want.virtual.lo, want.withVirtual = want.images*uint64(img.VirtualSize), want.images
		if !reflect.DeepEqual(row, want) {
			t.Fatalf("got %+v, want %+v", row, want)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	labels := DefaultLabels()
	b.Run("known group", func(b *testing.B) {
		page := NewTotals(Config{Labels: labels}).NewPage()
		img := anImage()
		b.ReportAllocs()
		for b.Loop() {
			page.Add(&img)
		}
	})
	b.Run("every image a group", func(b *testing.B) {
		page := NewTotals(Config{Labels: labels}).NewPage()
		img := anImage()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			img.DiskFormat = strconv.AppendInt(img.DiskFormat[:0], int64(i), 10)
			page.Add(&img)
		}
	})
	b.Run("every image a status", func(b *testing.B) {
		page := NewTotals(Config{Labels: labels}).NewPage()
		img := anImage()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			img.Status = strconv.AppendInt(img.Status[:0], int64(i), 10)
			page.Add(&img)
		}
	})
}
