package simcloud

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"
)

// pulse is the time between two steps of a cloud's life.
const pulse = time.Second

// MaxSpeed is the highest speed of a life: an hour in a second.
const MaxSpeed = 3600

// A Pace says how a cloud lives.
type Pace struct {
	Speed   int  // seconds of its life in each of ours; 0 means 1
	Failing bool // whether its image service fails for a moment now and then
}

// Live lets the cloud live until ctx ends: images are made, uploaded and
// deleted, and some get stuck on the way. However fast it lives, the times of
// its images are ours.
func (c *Cloud) Live(ctx context.Context, pace Pace) {
	const most = 10 // beats in a second: faster lives take several steps in each
	speed := max(pace.Speed, 1)
	c.mu.Lock()
	c.speed = speed
	c.mu.Unlock()
	began, steps := time.Now(), 0
	trouble := failing{cloud: c, speed: speed, turn: began}
	for sleep(ctx, pulse/time.Duration(min(speed, most))) {
		for due := int(time.Since(began).Seconds() * float64(speed)); steps < due; steps++ {
			c.Step()
		}
		if pace.Failing {
			trouble.goOn(time.Now())
		}
	}
}

// Step is a second in the life of a cloud. The number of images stays about
// what it was at first, however long the cloud lives.
func (c *Cloud) Step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lived += pulse
	for range c.often(bustle(c.clock()) * max(1, float64(c.options.Images)/2000)) {
		c.beginUpload()
	}
	c.moving = slices.DeleteFunc(c.moving, func(r *record) bool {
		return !r.Deleted.IsZero() || c.lived >= r.next && c.carryOn(r)
	})
	if c.random.IntN(1200) == 0 {
		c.withdraw()
	}
	if c.lived%(30*pulse) == 0 {
		c.retire()
	}
}

// clock is the time in the cloud's life, which began when the cloud was made.
func (c *Cloud) clock() time.Time { return c.born.Add(c.lived) }

// hour is the time of day, from 0 to 24.
func hour(at time.Time) float64 {
	return at.Sub(at.Truncate(24 * time.Hour)).Hours()
}

// bustle is how many uploads begin in a second: one in ten seconds in the early
// afternoon, one in a minute at night, in UTC.
func bustle(at time.Time) float64 {
	return 0.055 + 0.04*math.Cos(2*math.Pi*(hour(at)-14)/24)
}

// The clean-up begins at 2 and takes two hours.
const cleanUpBegins, cleanUpEnds = 2.0, 4.0

func atCleanUp(at time.Time) bool { return hour(at) >= cleanUpBegins && hour(at) < cleanUpEnds }

// swing is the part by which there are more images than after the clean-up:
// builds and snapshots pile up over the day.
func swing(at time.Time) float64 {
	const most, night = 0.06, cleanUpEnds - cleanUpBegins
	since := math.Mod(hour(at)-cleanUpEnds+24, 24)
	return most * min(since/(24-night), (24-since)/night)
}

// often gives a whole number that is so large on average.
func (c *Cloud) often(average float64) int {
	whole, rest := math.Modf(average)
	if c.random.Float64() < rest {
		whole++
	}
	return int(whole)
}

// within gives a span of life from least to most.
func (c *Cloud) within(least, most time.Duration) time.Duration {
	return least + time.Duration(c.random.Int64N(int64(most-least)))
}

// beginUpload makes an image without data. Some projects grow faster than
// others: those drawn twice.
func (c *Cloud) beginUpload() {
	img := c.newImage(time.Now().UTC().Truncate(time.Microsecond))
	img.Status, img.Updated = "queued", img.Created
	empty(&img)
	favoured := c.projects[min(c.random.IntN(len(c.projects)), c.random.IntN(len(c.projects)))]
	img.Owner = &favoured
	if img.Visibility == "public" && c.random.IntN(8) > 0 {
		img.Visibility = "private"
	}
	c.add(img)
	r := c.byID[img.ID]
	r.next = c.lived + c.within(3*time.Second, 30*time.Second)
	c.moving = append(c.moving, r)
}

// empty takes away what an image has of its data.
func empty(img *Image) {
	img.Size, img.VirtualSize, img.Checksum, img.Stores = nil, nil, nil, nil
	delete(img.Properties, failedImport)
}

// failedImport is the property that names the stores of which an import failed.
const failedImport = "os_glance_failed_import"

// carryOn takes an image on its way to the next status, and tells whether it
// stays there: for good, or because it got stuck.
func (c *Cloud) carryOn(r *record) bool {
	toStatus := func(status string, size *int64, least, most time.Duration) bool {
		c.update(r, func(img *Image) { img.Status, img.Size = status, size })
		r.next = c.lived + c.within(least, most)
		return c.random.IntN(300) == 0
	}
	switch {
	case r.Status == "queued" && c.options.Service.Stores && c.random.IntN(3) == 0:
		return toStatus("uploading", nil, 10*time.Second, time.Minute)
	case r.Status == "queued":
		return toStatus("saving", new(int64), 20*time.Second, 3*time.Minute)
	case r.Status == "uploading":
		return toStatus("importing", new(c.random.Int64N(40<<30)+1), 20*time.Second, 2*time.Minute)
	default:
		c.endTransfer(r)
		return true
	}
}

// endTransfer brings a transfer to its end. Most succeed; some fail, and the
// image falls back to queued, with a note of the store where it was an import.
func (c *Cloud) endTransfer(r *record) {
	c.update(r, func(img *Image) {
		if c.random.IntN(25) == 0 {
			if img.Status == "importing" {
				img.Properties = maps.Clone(img.Properties)
				img.Properties[failedImport] = "fast"
			}
			img.Status, img.Size = "queued", nil
			return
		}
		img.Status = "active"
		if img.DiskFormat == nil {
			img.DiskFormat, img.ContainerFormat = new("qcow2"), new("bare")
		}
		c.fill(img)
		if c.random.IntN(200) == 0 {
			img.Checksum = nil // as of some snapshots that a storage makes by itself
		}
	})
}

// withdraw deactivates an image, or gives it back.
func (c *Cloud) withdraw() {
	if len(c.images) == 0 {
		return
	}
	other := map[string]string{"active": "deactivated", "deactivated": "active"}
	if r := c.images[c.random.IntN(len(c.images))]; other[r.Status] != "" {
		c.update(r, func(img *Image) { img.Status = other[img.Status] })
	}
}

// How long a deleted image can still be a marker, and how long what is queued
// and what is being transferred stays before a clean-up takes it.
const (
	remembered  = 10 * time.Minute
	keptQueued  = 7 * 24 * time.Hour
	keptPassing = 24 * time.Hour
)

// retire deletes as many images as there are too many, if not all at once, and
// forgets those that were deleted a while ago. Images of every age go, at the
// clean-up only snapshots and what is stuck; whoever deletes a protected one
// takes the protection away first.
func (c *Cloud) retire() {
	kept := max(remembered/time.Duration(max(c.speed, 1)), time.Minute)
	alive := make([]*record, 0, len(c.images))
	c.images = slices.DeleteFunc(c.images, func(r *record) bool {
		if r.Deleted.IsZero() {
			alive = append(alive, r)
			return false
		}
		forget := time.Since(r.Deleted) >= kept
		if forget {
			delete(c.byID, r.ID)
		}
		return forget
	})
	now := c.clock()
	over := len(alive) - c.wanted(now)
	for _, r := range alive {
		if over > 0 && atCleanUp(now) && c.stale(r) {
			c.remove(r)
			over--
		}
	}
	for ; over > 0 && c.random.IntN(60) > 0; over-- {
		r := alive[c.random.IntN(len(alive))]
		for tries := 0; tries < 8 && atCleanUp(now) && (r.Properties["image_type"] != "snapshot" || r.Protected); tries++ {
			r = alive[c.random.IntN(len(alive))]
		}
		if r.Deleted.IsZero() {
			c.remove(r)
		}
	}
}

// wanted is how many images there should be: as many as at first, but for the
// time of day and a growth of half a percent a day.
func (c *Cloud) wanted(now time.Time) int {
	const growth = 0.005
	factor := (1 + swing(now)) / (1 + swing(c.born)) * (1 + growth*c.lived.Hours()/24)
	return int(float64(c.options.Images) * factor)
}

// stale tells whether an image waits for its data for too long, in our time or
// in the cloud's.
func (c *Cloud) stale(r *record) bool {
	age := max(time.Since(r.Updated), c.lived-r.since)
	switch r.Status {
	case "queued":
		return age > keptQueued
	case "saving", "uploading", "importing":
		return age > keptPassing
	}
	return false
}

func (c *Cloud) remove(r *record) {
	c.update(r, func(img *Image) { img.Status, img.Deleted = "deleted", time.Now().UTC() })
}
