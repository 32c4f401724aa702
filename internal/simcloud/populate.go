package simcloud

import (
	"fmt"
	"time"
)

// choice is a value with how often it comes, in parts of the whole.
type choice struct {
	value string
	parts int
}

var (
	statuses     = []choice{{"active", 930}, {"queued", 25}, {"saving", 5}, {"deactivated", 40}}
	diskFormats  = []choice{{"qcow2", 60}, {"raw", 25}, {"vmdk", 6}, {"iso", 5}, {"vhd", 3}, {"ami", 1}}
	visibilities = []choice{{"private", 70}, {"shared", 15}, {"public", 12}, {"community", 3}}
	distros      = []choice{{"debian", 4}, {"ubuntu", 5}, {"rocky", 2}, {"windows", 2}, {"fedora", 1}}

	nastyTexts = []string{
		"quo\"te", "new\nline", `back\slash`, "tab\there", "ünïcødé ☃ 日本語", "emoji 😀", "none", "other", "", " ", "{brace}",
		"comma, semi; colon: a", "null\u0000byte", "\ufeffbom", "<b>&amp;</b>", "true", "line\u2028separator", "\u202eright",
	}
)

// pick draws one of the choices.
func (c *Cloud) pick(choices []choice) string {
	whole := 0
	for _, choice := range choices {
		whole += choice.parts
	}
	n := c.random.IntN(whole)
	for _, choice := range choices {
		if n -= choice.parts; n < 0 {
			return choice.value
		}
	}
	return ""
}

// populate makes the images that a cloud has from the start, of all ages up to
// three years.
func (c *Cloud) populate() {
	c.projects = []string{AdminProject, MemberProject}
	for len(c.projects) < 2+c.options.Images/50 {
		c.projects = append(c.projects, fmt.Sprintf("%016x%016x", c.random.Uint64(), c.random.Uint64()))
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	const oldest = 3 * 365 * 24 * time.Hour
	past := c.past(now)
	count := c.options.Images - len(past)
	c.images = make([]*record, 0, c.options.Images)
	step := oldest / time.Duration(max(count, 1))
	for n := range count {
		age := step*time.Duration(count-n) - time.Duration(c.random.Int64N(int64(step)))
		img := c.newImage(now.Add(-age).Truncate(time.Microsecond))
		c.settle(&img)
		if n%7 == 3 && n > 0 { // some are of the very same age
			img.Created = c.images[len(c.images)-1].Created
		}
		c.add(img)
	}
	for _, img := range past {
		c.add(img)
	}
}

// newImage makes an image as it is found in a cloud.
func (c *Cloud) newImage(at time.Time) Image {
	img := Image{
		ID:              c.newID(),
		Name:            new(fmt.Sprintf("image-%d", c.random.IntN(100_000))),
		Status:          c.pick(statuses),
		DiskFormat:      new(c.pick(diskFormats)),
		ContainerFormat: new("bare"),
		Visibility:      c.pick(visibilities),
		Owner:           new(c.projects[c.random.IntN(len(c.projects))]),
		Protected:       c.random.IntN(10) == 0,
		Hidden:          c.random.IntN(50) == 0,
		Created:         at,
		Updated:         at.Add(time.Duration(c.random.Int64N(int64(time.Hour)))).Truncate(time.Microsecond),
		Properties:      map[string]string{"os_distro": c.pick(distros), "architecture": "x86_64"},
	}
	if img.Visibility == "shared" {
		img.Members = map[string]string{c.projects[c.random.IntN(len(c.projects))]: []string{"accepted", "pending"}[c.random.IntN(2)]}
	}
	if c.random.IntN(3) == 0 {
		img.Properties["image_type"] = "snapshot"
	}
	if c.random.IntN(20) == 0 {
		img.MinDisk, img.MinRAM = int64(c.random.IntN(100)), int64(c.random.IntN(8192))
	}
	c.fill(&img)
	if c.random.IntN(40) == 0 {
		img.Owner = nil
	}
	if c.options.Nasty {
		img.Name = new(nastyTexts[c.random.IntN(len(nastyTexts))])
		img.DiskFormat = new(nastyTexts[c.random.IntN(len(nastyTexts))])
	}
	return img
}

// fill gives an image what its status implies: data, or none yet.
func (c *Cloud) fill(img *Image) {
	switch img.Status {
	case "queued":
		if c.options.Service.Stores && c.random.IntN(4) == 0 {
			img.Properties[failedImport] = "fast"
		}
		if c.random.IntN(2) == 0 {
			img.Size = new(int64)
		}
		if c.random.IntN(2) == 0 {
			img.DiskFormat, img.ContainerFormat = nil, nil
		}
	case "saving":
		img.Size = new(int64)
		if recent := time.Now().UTC().Add(-time.Duration(c.random.Int64N(int64(2 * time.Hour)))); img.Updated.Before(recent) {
			img.Updated = recent.Truncate(time.Microsecond) // nothing is uploaded for years
		}
	default:
		img.Size = new(c.random.Int64N(40<<30) + 1)
		img.Checksum = new(fmt.Sprintf("%016x%016x", c.random.Uint64(), c.random.Uint64()))
		if c.random.IntN(4) > 0 {
			img.VirtualSize = new(*img.Size + c.random.Int64N(100<<30))
		}
		if c.options.Service.Stores {
			img.Stores = [][]string{{"fast"}, {"cheap"}, {"fast", "cheap"}}[c.random.IntN(3)]
		}
		if c.random.IntN(5000) == 0 {
			img.VirtualSize = new(int64(1<<63 - 1)) // a forged header
		}
	}
}

func (c *Cloud) newID() string {
	a, b := c.random.Uint64(), c.random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&0xffffffffffff)
}
