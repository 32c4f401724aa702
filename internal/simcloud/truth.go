package simcloud

import (
	"math/big"
	"time"
)

// A GroupKey names a group of images as an exporter's labels would, with "none"
// for what is null or empty.
type GroupKey struct{ Status, DiskFormat, Public, Protected string }

// Group is what is true of a group.
type Group struct {
	Images      int
	Size        *big.Int // bytes, of the images whose size is known
	VirtualSize *big.Int // bytes, of the images that report one
	WithVirtual int      // how many do
}

// StatusKey names the images of one status that are public, or are not.
type StatusKey struct{ Status, Public string }

// Condition is what is true of them.
type Condition struct {
	OldestUpdate, NewestCreation              time.Time
	WithoutChecksum, WithoutSize, Unprotected int
	FailedImport                              int // v2
}

// Truth is what a complete inventory shows.
type Truth struct {
	Images     int
	Size       *big.Int
	Groups     map[GroupKey]*Group
	Conditions map[StatusKey]*Condition
	Stores     map[string]*Group // v2
}

// Dialect is the version of the API through which a truth is seen.
type Dialect bool

// The dialects.
const (
	V11 Dialect = false // does not show other projects' community images
	V2  Dialect = true
)

// Truth counts what a user should be shown by v1.1, from the cloud's own state.
// It asks for nothing over the API and shares no code with what answers there.
// It is nil for a user that does not exist.
func (c *Cloud) Truth(user string) *Truth {
	return c.TruthOf(user, V11, func(*Image) bool { return true })
}

// TruthOf is Truth in a dialect, for the images that a filter lets pass.
func (c *Cloud) TruthOf(user string, dialect Dialect, pass func(*Image) bool) *Truth {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users[user]
	if u == nil {
		return nil
	}
	admin := false
	for _, role := range u.roles {
		admin = admin || role == "admin"
	}
	truth := &Truth{Size: new(big.Int), Groups: map[GroupKey]*Group{}, Conditions: map[StatusKey]*Condition{}, Stores: map[string]*Group{}}
	for _, r := range c.images {
		img := &r.Image
		if !img.Deleted.IsZero() || img.Status == "killed" || img.Status == "deleted" || img.Status == "pending_delete" {
			continue
		}
		own := img.Owner != nil && *img.Owner == u.project
		shared := img.Visibility == "shared" && img.Members[u.project] != ""
		community := img.Visibility == "community"
		shown := own || shared || img.Visibility == "public" || admin && !community || community && dialect == V2
		if shown && pass(img) {
			truth.count(img, dialect)
		}
	}
	return truth
}

func (t *Truth) count(img *Image, dialect Dialect) {
	word := func(text *string) string {
		if text == nil || *text == "" {
			return "none"
		}
		return *text
	}
	yes := map[bool]string{true: "true", false: "false"}
	public := yes[img.Visibility == "public"]
	key := GroupKey{word(&img.Status), word(img.DiskFormat), public, yes[img.Protected]}
	group := t.Groups[key]
	if group == nil {
		group = &Group{Size: new(big.Int), VirtualSize: new(big.Int)}
		t.Groups[key] = group
	}
	condition := t.Conditions[StatusKey{key.Status, public}]
	if condition == nil {
		condition = &Condition{OldestUpdate: img.Updated}
		t.Conditions[StatusKey{key.Status, public}] = condition
	}
	t.Images++
	group.Images++
	if img.Size == nil || *img.Size == 0 && img.Status == "active" {
		condition.WithoutSize++
	} else {
		size := big.NewInt(*img.Size)
		t.Size.Add(t.Size, size)
		group.Size.Add(group.Size, size)
	}
	if img.VirtualSize != nil {
		group.VirtualSize.Add(group.VirtualSize, big.NewInt(*img.VirtualSize))
		group.WithVirtual++
	}
	updated, created := img.Updated, img.Created
	if dialect == V2 { // which tells whole seconds
		updated, created = updated.Truncate(time.Second), created.Truncate(time.Second)
	}
	if updated.Before(condition.OldestUpdate) {
		condition.OldestUpdate = updated
	}
	if created.After(condition.NewestCreation) {
		condition.NewestCreation = created
	}
	if dialect == V2 && img.Properties["os_glance_failed_import"] != "" {
		condition.FailedImport++
	}
	if dialect == V2 {
		for _, store := range img.Stores {
			sum := t.Stores[store]
			if sum == nil {
				sum = &Group{Size: new(big.Int)}
				t.Stores[store] = sum
			}
			sum.Images++
			if img.Size != nil {
				sum.Size.Add(sum.Size, big.NewInt(*img.Size))
			}
		}
	}
	if word(img.Checksum) == "none" {
		condition.WithoutChecksum++
	}
	if !img.Protected {
		condition.Unprotected++
	}
}
