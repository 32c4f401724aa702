package collector

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/glance-exporter/glance_exporter/client"
)

func TestLabelValues(t *testing.T) {
	cases := []struct {
		name  string
		label string
		image client.Image
		want  string
	}{
		{"a text", "disk_format", client.Image{DiskFormat: []byte("qcow2")}, "qcow2"},
		{"no text", "disk_format", client.Image{}, "none"},
		{"a status", "status", client.Image{Status: []byte("queued")}, "queued"},
		{"no status", "status", client.Image{}, "none"},
		{"a container format", "container_format", client.Image{ContainerFormat: []byte("bare")}, "bare"},
		{"an owner", "owner", client.Image{Owner: []byte("p1")}, "p1"},
		{"case and blanks are the service's", "owner", client.Image{Owner: []byte(" P1 ")}, " P1 "},
		{"a true flag", "public", client.Image{Public: client.True}, "true"},
		{"a false flag", "protected", client.Image{Protected: client.False}, "false"},
		{"no flag", "hidden", client.Image{}, "none"},
		{"a visibility", "visibility", client.Image{Visibility: []byte("community")}, "community"},
		{"no visibility", "visibility", client.Image{}, "none"},
		{"a visibility that the API lacks", "visibility", client.Image{Visibility: []byte("x")}, "other"},
		{"one byte that is not UTF-8", "owner", client.Image{Owner: []byte("a\xFFb")}, "a\uFFFDb"},
		{"a rune that breaks off", "owner", client.Image{Owner: []byte("\xE2\x82")}, "\uFFFD\uFFFD"},
		{"NUL is UTF-8", "owner", client.Image{Owner: []byte("a\x00b")}, "a\x00b"},
		{"as long as may be", "owner", client.Image{Owner: []byte(strings.Repeat("x", 1024))}, strings.Repeat("x", 1024)},
		{"longer", "owner", client.Image{Owner: []byte(strings.Repeat("x", 1025))}, strings.Repeat("x", 1024)},
		{"cut before a rune", "owner", client.Image{Owner: []byte("x" + strings.Repeat("é", 600))}, "x" + strings.Repeat("é", 511)},
		{"longer once it is valid", "owner", client.Image{Owner: []byte(strings.Repeat("\xFF", 1000))}, strings.Repeat("\uFFFD", 341)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			labels := mustLabels(t, c.label)
			if got := labels.values(string(labels.appendKey(nil, &c.image))); got[0] != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzLabelValues(f *testing.F) {
	f.Add([]byte("qcow2"))
	f.Add([]byte("\xFF\x00é"))
	f.Add([]byte(strings.Repeat("€", 400)))
	labels := mustLabels(f, "status", "owner", "disk_format")
	f.Fuzz(func(t *testing.T, text []byte) {
		key := string(labels.appendKey(nil, &client.Image{Owner: text}))
		values := labels.values(key)
		if values[0] != "none" || values[2] != "none" {
			t.Fatalf("%q spills over: %q", text, values)
		}
		if v := values[1]; v == "" || len(v) > 1024 || !utf8.ValidString(v) {
			t.Fatalf("%q became %q", text, v)
		}
	})
}

func TestParseLabels(t *testing.T) {
	cases := []struct {
		name  string
		names []string
		want  []string
		err   string
	}{
		{
			"none at all", nil, nil,
			"no label is named: known are status, disk_format, public, protected, container_format, visibility, hidden, owner and property:KEY",
		},
		{"an empty flag", []string{""}, nil, "no label is named: known are status,"},
		{"the default", DefaultLabels().Names(), []string{"status", "disk_format", "public", "protected"}, ""},
		{"status goes first", []string{"owner", "status"}, []string{"status", "owner"}, ""},
		{"the others stay in order", []string{"public", "owner"}, []string{"public", "owner"}, ""},
		{
			"unknown", []string{"status", "colour"}, nil,
			`unknown label "colour": known are status, disk_format, public, protected, container_format, visibility, hidden, owner and property:KEY`,
		},
		{"a comma too many", []string{"status", ""}, nil, `unknown label ""`},
		{"blanks", []string{"status", " owner"}, nil, `unknown label " owner"`},
		{"a property", []string{"property:os_distro", "status"}, []string{"status", "property_os_distro"}, ""},
		{"a property as the service spells it", []string{"property:hw:Disk-Bus.é\xFF2"}, []string{"property_hw_Disk_Bus___2"}, ""},
		{"a property of a label's name", []string{"property:status", "status"}, []string{"status", "property_status"}, ""},
		{"two properties that differ by case", []string{"property:A", "property:a"}, []string{"property_A", "property_a"}, ""},
		{"a property without a name", []string{"property:"}, nil, `label "property:" names no property: it must be property:KEY`},
		{"a property twice", []string{"property:a", "property:a"}, nil, `label "property:a" is given twice`},
		{
			"two properties, one label", []string{"property:os-distro", "status", "property:os_distro"}, nil,
			`"property:os-distro" and "property:os_distro" would both become the label property_os_distro: choose one of them`,
		},
		{"almost a property", []string{"properties:a"}, nil, `unknown label "properties:a"`},
		{"twice", []string{"status", "owner", "status"}, nil, `label "status" is given twice`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			labels, err := ParseLabels(c.names)
			switch {
			case c.err == "" && err != nil:
				t.Fatal(err)
			case c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err)):
				t.Fatalf("got %v, want %s", err, c.err)
			case c.err == "" && !slices.Equal(labels.Names(), c.want):
				t.Errorf("got %q, want %q", labels.Names(), c.want)
			}
		})
	}
}

func TestPropertiesAreThoseOfTheImage(t *testing.T) {
	labels := mustLabels(t, "property:os_distro", "owner", "property:image_type", "status")
	properties := labels.Properties()
	if want := []string{"os_distro", "image_type"}; !slices.Equal(properties, want) {
		t.Fatalf("got %q, want %q", properties, want)
	}
	properties[0] = "changed"
	if labels.Properties()[0] != "os_distro" {
		t.Error("the labels can be changed from outside")
	}
	img := client.Image{Properties: [][]byte{[]byte("deb\xFFan"), nil}}
	if got, want := labels.values(string(labels.appendKey(nil, &img))), []string{"none", "deb\uFFFDan", "none", "none"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	img.Properties = nil // of a client that reads none
	if got := labels.values(string(labels.appendKey(nil, &img))); got[1] != "none" {
		t.Errorf("got %q", got)
	}
	if none := DefaultLabels().Properties(); len(none) != 0 {
		t.Errorf("the default labels need %q", none)
	}
}

func TestOverflowFoldsProperties(t *testing.T) {
	labels := mustLabels(t, "public", "property:os_distro")
	var images []client.Image
	for _, distro := range []string{"", "debian", "other", "ubuntu"} {
		images = append(images, client.Image{Public: client.True, Properties: [][]byte{[]byte(distro)}})
	}
	inventory := inventoryOf(Config{Labels: labels, MaxGroups: 1}, images...)
	var got []string
	for _, row := range inventory.groups {
		got = append(got, strings.Join(row.values, " "))
	}
	if want := []string{"true debian", "true other"}; !slices.Equal(got, want) || inventory.overflow != 3 {
		t.Errorf("got %q, %d folded; want %q", got, inventory.overflow, want)
	}
}

func TestChoosingLabelsLeavesTheDefaultAlone(t *testing.T) {
	chosen := DefaultLabels()
	chosen.list = append(chosen.list, groupLabels[len(groupLabels)-1])
	if got := groupLabels[4].name; got != "container_format" {
		t.Errorf("the table's fifth label is %s now", got)
	}
}

func TestKeysCompareAsTheirValues(t *testing.T) {
	key := func(values ...string) string { return strings.Join(values, keyEnd) + keyEnd }
	ordered := []string{
		key("", "z"), key("a", ""), key("a", "a"), key("a", "b"), key("a\x00", "a"),
		key("ab", "a"), key("b", ""), key("\u00E9", "a"), key("\U0010FFFF", "a"),
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := compareKeys(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%q against %q: %d", a, b, got)
			}
		}
	}
}
