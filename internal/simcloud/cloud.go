// Package simcloud is an OpenStack cloud inside the process: a Keystone and an
// image service with a population of images, for the demo, for tests and for
// benchmarks. It answers as real services were measured to, and it shares no
// code with the client that reads it: what it counts of itself is the truth.
//
// It starts no goroutine unless asked to and tells time by [time.Now], so that
// it can live in a testing/synctest bubble.
package simcloud

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// An Image is one image, with the facts of every version of the API. Fields
// that are pointers are null where they are nil.
type Image struct {
	ID              string
	Name            *string
	Status          string
	DiskFormat      *string
	ContainerFormat *string
	Visibility      string // public, private, shared or community
	Owner           *string
	Checksum        *string
	Size            *int64 // bytes
	VirtualSize     *int64 // bytes
	MinDisk         int64  // GiB
	MinRAM          int64  // MiB
	Protected       bool
	Hidden          bool
	Created         time.Time
	Updated         time.Time
	Deleted         time.Time // zero: it is not
	Properties      map[string]string
	Extra           map[string]string // v2: further keys at top level, with their JSON
	Stores          []string          // v2: where the data lies; nil where the service does not say
	Members         map[string]string // project -> accepted or pending, of a shared image
}

// Options say what kind of cloud to make. The zero value is a Glance without
// images.
type Options struct {
	Seed   uint64 // the same seed makes the same images
	Images int    // at first
	Nasty  bool   // names and formats with whatever can break a label
	Lived  bool   // some images are stuck, failed or lack something, as after years

	Service Service

	Regions         []string      // of the catalogue; nil means RegionOne
	CatalogueSuffix string        // behind the image service's URL in the catalogue, such as /v1.1/
	Prefix          string        // path under which the image service lies, such as /image
	TokenTTL        time.Duration // 0 means an hour
	ClockSkew       time.Duration // how far Keystone's clock is ahead
}

// A Service is a kind of image service. The zero value is a Glance of the
// Queens release.
type Service struct {
	DefaultLimit    int  // images a page unless the request says otherwise; 0 means 25
	MaxLimit        int  // images a page at most; 0 means 1000
	RefuseUnknown   bool // answers 400 to what the vendor's page does not document; no pages
	IgnoreUnknown   bool // ignores that, limit and marker included; no pages
	IgnoreMarker    bool // answers every marker with its first page
	SizeInProperty  bool // size is 0 or null, the bytes are in the property __image_size
	MisreadIsPublic bool // takes is_public=None for a filter that no image passes
	NoV11           bool // v1.1 was dropped
	NoV2            bool // v2 is switched off
	RefuseAll       bool // v2: answers 400 to visibility=all
	PropertyFilters bool // v2: takes visibility=all, os_hidden and member_status for property filters
	NextFirst       bool // v2: writes next before the images
	NoLength        bool // v2: no Content-Length, and no keeping alive
	Gzip            bool // v2: compresses where that is accepted
	Stores          bool // v2: says in which stores the data lies
	NoVersions      bool // has no version document
}

// Glance pages by markers, 25 images at a time or up to 1000 if asked to.
func Glance() Service { return Service{} }

// StrictVendor answers with the whole list and refuses other parameters than
// the seven documented ones.
func StrictVendor() Service { return Service{RefuseUnknown: true, SizeInProperty: true} }

// LenientVendor answers with the whole list, whatever else is asked for.
func LenientVendor() Service { return Service{IgnoreUnknown: true, SizeInProperty: true} }

// A Cloud is a simulated cloud. It is safe for concurrent use.
type Cloud struct {
	options Options

	mu       sync.Mutex
	random   *rand.Rand
	images   []*record // oldest first, deleted ones included
	byID     map[string]*record
	projects []string
	users    map[string]*user
	tokens   map[string]*token
	issued   int
	keystone string // URLs for the catalogue
	image    string

	born   time.Time     // when its life began
	lived  time.Duration // of its life so far
	speed  int           // of its life, in ours; 0 before it began
	moving []*record     // images that its life takes on to another status

	faults    []*fault
	moment    *fault // in the list's way, behind faults; nil for none
	requests  map[string]int
	history   []Request
	onRequest func(*http.Request)
	rewrite   func(*http.Request)
}

// record is an image and the JSON that lists it, nil when it has to be made.
type record struct {
	Image
	v11, v2     []byte
	since, next time.Duration // when in the cloud's life it was changed, and will be
}

// New makes a cloud.
func New(options Options) *Cloud {
	if options.Service.DefaultLimit == 0 {
		options.Service.DefaultLimit = 25
	}
	if options.Service.MaxLimit == 0 {
		options.Service.MaxLimit = 1000
	}
	if options.TokenTTL == 0 {
		options.TokenTTL = time.Hour
	}
	if options.Regions == nil {
		options.Regions = []string{"RegionOne"}
	}
	c := &Cloud{
		options:  options,
		random:   rand.New(rand.NewPCG(options.Seed, 17)),
		born:     time.Now().UTC(),
		byID:     map[string]*record{},
		users:    defaultUsers(),
		tokens:   map[string]*token{},
		requests: map[string]int{},
		keystone: "http://keystone.test/identity",
		image:    "http://image.test" + options.Prefix,
	}
	c.populate()
	return c
}

// SetURLs tells the cloud where it is reached, for its catalogue.
func (c *Cloud) SetURLs(keystone, image string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keystone, c.image = keystone, image
}

// SetRegions changes the regions of the catalogue.
func (c *Cloud) SetRegions(regions ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.options.Regions = regions
}

// SetService changes the kind of image service, as an upgrade does.
func (c *Cloud) SetService(change func(*Service)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.options.Service)
}

// Add adds an image as it is. Its id must be new.
func (c *Cloud) Add(img Image) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(img)
}

func (c *Cloud) add(img Image) {
	r := &record{Image: img, since: c.lived - time.Since(img.Updated)}
	at, _ := slices.BinarySearchFunc(c.images, r, compare)
	c.images = slices.Insert(c.images, at, r)
	c.byID[img.ID] = r
}

// compare orders images from the oldest to the newest, and by id where they are
// of one age: a list begins at the other end.
func compare(a, b *record) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
}

// Delete deletes an image. The cloud remembers it, as Glance does until it is
// purged.
func (c *Cloud) Delete(id string) {
	c.Update(id, func(img *Image) {
		img.Status, img.Deleted = "deleted", time.Now()
	})
}

// Purge deletes an image without a trace.
func (c *Cloud) Purge(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.byID[id]; r != nil {
		c.images = slices.DeleteFunc(c.images, func(other *record) bool { return other == r })
		delete(c.byID, id)
	}
}

// Update changes an image, other than its id and its time of creation.
func (c *Cloud) Update(id string, change func(*Image)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.byID[id]; r != nil {
		c.update(r, change)
	}
}

func (c *Cloud) update(r *record, change func(*Image)) {
	change(&r.Image)
	r.Updated = time.Now().UTC()
	r.v11, r.v2, r.since = nil, nil, c.lived
}

// Images gives all images that are not deleted, newest first, as a list would.
func (c *Cloud) Images() []Image {
	c.mu.Lock()
	defer c.mu.Unlock()
	var images []Image
	for _, r := range slices.Backward(c.images) {
		if r.Deleted.IsZero() {
			images = append(images, r.Image)
		}
	}
	return images
}

// A Request is one that the cloud was asked.
type Request struct {
	Operation string // auth, discovery or list
	Method    string
	URI       string // path and query
	Token     string // X-Auth-Token
	UserAgent string
}

// Requests gives the requests of an operation so far, or all for "".
func (c *Cloud) Requests(operation string) []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.history), func(r Request) bool {
		return operation != "" && r.Operation != operation
	})
}

// Count gives the number of requests of an operation so far.
func (c *Cloud) Count(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests[operation]
}

// OnRequest calls hook before each request is answered, so that a test can
// change the cloud between two pages.
func (c *Cloud) OnRequest(hook func(*http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onRequest = hook
}

// Rewrite has change alter each request for the list before it is understood,
// so that a test can make a service that reads requests wrongly.
func (c *Cloud) Rewrite(change func(*http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rewrite = change
}

// historyLength bounds what a long-lived demo remembers.
const historyLength = 10_000

// note keeps a request, and gives the hooks that want to see it.
func (c *Cloud) note(operation string, r *http.Request) (hook, rewrite func(*http.Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[operation]++
	if len(c.history) == historyLength {
		c.history = c.history[:0]
	}
	c.history = append(c.history, Request{operation, r.Method, r.URL.RequestURI(), r.Header.Get("X-Auth-Token"), r.UserAgent()})
	if operation == "list" {
		rewrite = c.rewrite
	}
	return c.onRequest, rewrite
}
