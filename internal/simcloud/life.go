package simcloud

import (
	"context"
	"maps"
	"strings"
	"time"
)

// pulse is the time between two steps of a cloud's life.
const pulse = time.Second

// Live lets the cloud live until ctx ends: images are made, uploaded and
// deleted, and some get stuck on the way.
func (c *Cloud) Live(ctx context.Context) {
	for sleep(ctx, pulse) {
		c.Step()
	}
}

// Step is a second in the life of a cloud. The number of images stays about
// what it was at first, however long the cloud lives.
func (c *Cloud) Step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 1 + c.random.IntN(2) {
		c.beginUpload()
	}
	c.carryOn()
	c.retire()
}

// beginUpload makes an image without data. Some projects grow faster than
// others: those drawn twice.
func (c *Cloud) beginUpload() {
	img := c.newImage(time.Now().UTC().Truncate(time.Microsecond))
	img.Status, img.Updated = "queued", img.Created
	img.Size, img.VirtualSize, img.Checksum = nil, nil, nil
	favoured := c.projects[min(c.random.IntN(len(c.projects)), c.random.IntN(len(c.projects)))]
	img.Owner = &favoured
	if img.Visibility == "public" && c.random.IntN(4) > 0 {
		img.Visibility = "private"
	}
	c.add(img)
}

// recent is how many of the newest images are looked at in a step: what is on
// its way is among them.
const recent = 120

// carryOn takes images that are on their way a step further.
func (c *Cloud) carryOn() {
	for _, r := range c.images[max(0, len(c.images)-recent):] {
		age := time.Since(r.Updated)
		switch {
		case r.Status == "queued" && age > 3*time.Second && c.random.IntN(4) == 0:
			c.beginTransfer(r)
		case (r.Status == "saving" || r.Status == "importing") && age > 5*time.Second && !stuck(r):
			c.endTransfer(r)
		case r.Status == "active" && c.random.IntN(2000) == 0:
			c.update(r, func(img *Image) { img.Status = "deactivated" })
		}
	}
}

// stuck picks the few images whose transfer never ends.
func stuck(r *record) bool { return strings.HasSuffix(r.ID, "00") }

// beginTransfer begins an upload, or an import, which v2 has beside it.
func (c *Cloud) beginTransfer(r *record) {
	c.update(r, func(img *Image) {
		img.Status, img.Size = "saving", new(int64)
		if c.options.Service.Stores && c.random.IntN(3) == 0 {
			img.Status, img.Size = "importing", new(c.random.Int64N(40<<30)+1)
		}
	})
}

// endTransfer may bring a transfer to its end. Most succeed; some fail, and the
// image falls back to queued, with a note of the store where it was an import.
func (c *Cloud) endTransfer(r *record) {
	switch n := c.random.IntN(100); {
	case n < 20:
		c.update(r, func(img *Image) {
			img.Status = "active"
			if img.DiskFormat == nil {
				img.DiskFormat, img.ContainerFormat = new("qcow2"), new("bare")
			}
			c.fill(img)
		})
	case n < 22:
		c.update(r, func(img *Image) {
			if img.Status == "importing" {
				img.Properties = maps.Clone(img.Properties)
				img.Properties["os_glance_failed_import"] = "fast"
			}
			img.Status, img.Size = "queued", nil
		})
	}
}

// remembered is how long a deleted image can still be a marker.
const remembered = 10 * time.Minute

// retire deletes as many images as there are too many, if not all at once, and
// forgets those that were deleted a while ago. Images of every age go; whoever
// deletes a protected one takes the protection away first.
func (c *Cloud) retire() {
	var kept, alive []*record
	for _, r := range c.images {
		switch {
		case r.Deleted.IsZero():
			kept, alive = append(kept, r), append(alive, r)
		case time.Since(r.Deleted) < remembered:
			kept = append(kept, r)
		default:
			delete(c.byID, r.ID)
		}
	}
	c.images = kept
	for over := len(alive) - c.options.Images; over > 0 && c.random.IntN(4) > 0; over-- {
		if r := alive[c.random.IntN(len(alive))]; r.Deleted.IsZero() {
			c.update(r, func(img *Image) { img.Status, img.Deleted = "deleted", time.Now().UTC() })
		}
	}
}
