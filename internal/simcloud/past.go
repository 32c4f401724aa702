package simcloud

import "time"

// A trace is what a cloud's past has left: images that are stuck, failed, or
// lack what they should have.
type trace struct {
	parts         int // of 2000 images
	status        string
	youngest      time.Duration // since the last change
	oldest        time.Duration
	public        bool
	visit         func(*Image) // further changes; nil for none
	whereImported bool         // only where the service has stores
}

const day = 24 * time.Hour

var traces = []trace{
	{parts: 3, status: "queued", youngest: 26 * time.Hour, oldest: 5 * day},
	{parts: 2, status: "queued", youngest: 10 * time.Minute, oldest: 10 * time.Hour},
	{parts: 2, status: "saving", youngest: 2 * time.Hour, oldest: 9 * time.Hour},
	{parts: 1, status: "saving", youngest: 10 * time.Minute, oldest: 50 * time.Minute},
	{parts: 2, status: "importing", youngest: 3 * time.Hour, oldest: 20 * time.Hour, whereImported: true},
	{parts: 1, status: "uploading", youngest: 5 * time.Hour, oldest: 20 * time.Hour, whereImported: true},
	{
		parts: 4, status: "queued", youngest: time.Hour, oldest: 12 * time.Hour, whereImported: true,
		visit: func(img *Image) { img.Properties[failedImport] = "fast" },
	},
	// Imported into one of two stores.
	{
		parts: 2, status: "active", youngest: time.Hour, oldest: 2 * day, whereImported: true,
		visit: func(img *Image) { img.Properties[failedImport], img.Stores = "cheap", []string{"fast"} },
	},
	{parts: 8, status: "active", youngest: day, oldest: 300 * day, visit: func(img *Image) { img.Checksum = nil }},
	{parts: 2, status: "active", youngest: day, oldest: 300 * day, public: true, visit: func(img *Image) { img.Checksum = nil }},
	{parts: 5, status: "active", youngest: day, oldest: 90 * day, visit: func(img *Image) { img.Size, img.VirtualSize = nil, nil }},
	{parts: 1, status: "deactivated", youngest: day, oldest: 90 * day, public: true},
}

// smallest is how many images a cloud has at least whose past has left a trace.
const smallest = 200

// past makes the images in which a cloud's past shows.
func (c *Cloud) past(now time.Time) []Image {
	if !c.options.Lived || c.options.Images < smallest {
		return nil
	}
	var images []Image
	for _, t := range traces {
		if t.whereImported && !c.options.Service.Stores {
			continue
		}
		for range max(1, c.options.Images*t.parts/2000) {
			img := c.newImage(now.Add(-c.within(t.youngest, t.oldest)).Truncate(time.Microsecond))
			img.Status, img.Updated, img.Visibility = t.status, img.Created, "private"
			if t.public {
				img.Visibility = "public"
			}
			empty(&img)
			if t.status == "active" || t.status == "deactivated" {
				c.fill(&img)
			}
			if t.visit != nil {
				t.visit(&img)
			}
			images = append(images, img)
		}
	}
	return images
}

// settle brings an image of a cloud that has lived to where it would be by now:
// nothing waits for its data for years, and most public images are protected.
func (c *Cloud) settle(img *Image) {
	if !c.options.Lived {
		return
	}
	if img.Status == "queued" || img.Status == "saving" {
		img.Status = "active"
		empty(img)
		if img.DiskFormat == nil {
			img.DiskFormat, img.ContainerFormat = new("qcow2"), new("bare")
		}
		c.fill(img)
	}
	if img.Visibility == "public" {
		img.Protected = c.random.IntN(12) > 0
	}
}
