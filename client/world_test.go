package client

import (
	"bytes"
	"context"
	"math/big"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// A world is a simulated cloud, a network to it that lives in a synctest
// bubble, and a client that has logged into nothing yet.
type world struct {
	*simcloud.Cloud
	net    simcloud.PipeNet
	login  *Login
	client *Client
	trace  *silent
}

// settings are what a test changes about a world before it is made.
type settings struct {
	cloud    simcloud.Options
	user     string // admin
	pageSize int    // 1000
	region   string
	endpoint *url.URL
	noAuth   bool
	filters  []string
	version  string // v1.1; "auto" for none
}

const (
	keystoneAddress = "keystone.test:80"
	imageAddress    = "image.test:80"
)

// newWorld must be called in a synctest bubble, whose end closes it.
func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	w := &world{Cloud: simcloud.New(s.cloud), trace: &silent{}}
	w.SetURLs("http://keystone.test/identity", "http://image.test"+s.cloud.Prefix)
	for address, serve := range map[string]func() error{
		keystoneAddress: simcloud.ServeHandler(w.net.Listen(keystoneAddress), w.Handler()).Close,
		imageAddress:    simcloud.ServeHandler(w.net.Listen(imageAddress), w.GlanceHandler()).Close,
	} {
		t.Cleanup(func() {
			if err := serve(); err != nil {
				t.Errorf("%s: %v", address, err)
			}
		})
	}
	if s.user == "" {
		s.user = "admin"
	}
	if s.pageSize == 0 {
		s.pageSize = 1000
	}
	cloud := Standalone()
	if !s.noAuth {
		cloud = w.account(t, s.user, s.user+"pw")
	}
	w.login = NewLogin(cloud, LoginConfig{UserAgent: "glance_exporter/test", Dial: w.net.Dial})
	t.Cleanup(w.login.Close)
	switch s.version {
	case "":
		s.version = "v1.1"
	case "auto":
		s.version = ""
	}
	w.client = New(w.login, Config{Version: s.version, PageSize: s.pageSize, Region: s.region, Endpoint: s.endpoint, Trace: w.trace, Filters: mustParseFilters(t, s.filters...)})
	return w
}

// account gives the settings by which a user logs in.
func (w *world) account(t *testing.T, user, password string) *Cloud {
	t.Helper()
	cloud, err := Environment{
		"OS_AUTH_URL": "http://keystone.test/identity/v3", "OS_USERNAME": user, "OS_PASSWORD": password,
		"OS_PROJECT_NAME": "p", "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
	}.Cloud()
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

// list makes one read within 30 seconds.
func (w *world) list(t *testing.T) (*simcloud.Truth, Info, error) {
	t.Helper()
	return w.listWithin(t, 30*time.Second)
}

func (w *world) listWithin(t *testing.T, budget time.Duration) (*simcloud.Truth, Info, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), budget)
	defer cancel()
	tally := newTruth()
	info, err := w.client.List(ctx, func() Page { return &tallyPage{into: tally, truth: newTruth(), v2: w.client.config.Version != "v1.1"} })
	return tally, info, err
}

// mustMatch makes one read and compares it with the cloud's own truth.
func (w *world) mustMatch(t *testing.T, user string) Info {
	t.Helper()
	dialect := simcloud.V11
	if w.client.config.Version == VersionV2 {
		dialect = simcloud.V2
	}
	return w.mustEqual(t, w.TruthOf(user, dialect, func(*simcloud.Image) bool { return true }))
}

// mustEqual makes one read and compares it with a truth.
func (w *world) mustEqual(t *testing.T, want *simcloud.Truth) Info {
	t.Helper()
	got, info, err := w.list(t)
	if err != nil {
		t.Fatalf("the read failed: %v", err)
	}
	if got.Images != want.Images || got.Size.Cmp(want.Size) != 0 {
		t.Errorf("%d images of %s bytes were counted; there are %d of %s", got.Images, got.Size, want.Images, want.Size)
	}
	for key, group := range want.Groups {
		if !reflect.DeepEqual(got.Groups[key], group) {
			t.Errorf("group %q: counted %+v, there are %+v", key, got.Groups[key], group)
		}
	}
	if len(got.Groups) != len(want.Groups) {
		t.Errorf("%d groups were counted; there are %d", len(got.Groups), len(want.Groups))
	}
	for key, condition := range want.Conditions {
		if !reflect.DeepEqual(got.Conditions[key], condition) {
			t.Errorf("status %q: counted %+v, there are %+v", key, got.Conditions[key], condition)
		}
	}
	for store, sum := range want.Stores {
		if !reflect.DeepEqual(got.Stores[store], sum) {
			t.Errorf("store %s: counted %+v, there are %+v", store, got.Stores[store], sum)
		}
	}
	if info.Images != got.Images {
		t.Errorf("the client says that it counted %d images; it gave %d", info.Images, got.Images)
	}
	return info
}

// mustFail makes one read and demands a reason.
func (w *world) mustFail(t *testing.T, want Reason) (*Error, Info) {
	t.Helper()
	_, info, err := w.list(t)
	failure := asError(err)
	if failure == nil || failure.Reason != want {
		t.Fatalf("got %v, want reason %s", err, want)
	}
	return failure, info
}

func newTruth() *simcloud.Truth {
	return &simcloud.Truth{
		Size: new(big.Int), Groups: map[simcloud.GroupKey]*simcloud.Group{}, Conditions: map[simcloud.StatusKey]*simcloud.Condition{},
		Stores: map[string]*simcloud.Group{},
	}
}

// filtered is what the client's filters let pass of the truth.
func (w *world) filtered(user string, dialect simcloud.Dialect) *simcloud.Truth {
	filters := w.client.config.Filters
	return w.TruthOf(user, dialect, func(img *simcloud.Image) bool {
		text := func(value *string) []byte {
			if value == nil {
				return nil
			}
			return []byte(*value)
		}
		same := Image{
			Name: text(img.Name), Status: []byte(img.Status), DiskFormat: text(img.DiskFormat),
			ContainerFormat: text(img.ContainerFormat), Updated: img.Updated,
		}
		if same.SizeKnown = img.Size != nil && (*img.Size > 0 || img.Status != "active"); same.SizeKnown {
			same.Size = *img.Size
		}
		if dialect == simcloud.V2 {
			same.Updated = same.Updated.Truncate(time.Second)
		}
		return filters.pass(&same)
	})
}

// tallyPage counts the images of a page as the simulated cloud counts its own.
type tallyPage struct {
	into, truth *simcloud.Truth
	v2          bool
	number      big.Int
}

func (p *tallyPage) Add(img *Image) {
	word := func(text []byte) string {
		if len(text) == 0 {
			return "none"
		}
		return string(text)
	}
	key := simcloud.GroupKey{Status: word(img.Status), DiskFormat: word(img.DiskFormat), Public: img.Public.String(), Protected: img.Protected.String()}
	p.truth.Images++
	group := p.truth.Groups[key]
	if group == nil {
		group = &simcloud.Group{Size: new(big.Int), VirtualSize: new(big.Int)}
		p.truth.Groups[key] = group
	}
	status := simcloud.StatusKey{Status: key.Status, Public: key.Public}
	condition := p.truth.Conditions[status]
	if condition == nil {
		condition = &simcloud.Condition{OldestUpdate: img.Updated}
		p.truth.Conditions[status] = condition
	}
	group.Images++
	if img.SizeKnown {
		p.number.SetInt64(img.Size)
		group.Size.Add(group.Size, &p.number)
		p.truth.Size.Add(p.truth.Size, &p.number)
	} else {
		condition.WithoutSize++
	}
	if img.VirtualSize >= 0 {
		group.VirtualSize.Add(group.VirtualSize, p.number.SetInt64(img.VirtualSize))
		group.WithVirtual++
	}
	if img.FailedImport && p.v2 {
		condition.FailedImport++
	}
	for store := range bytes.FieldsFuncSeq(img.Stores, func(r rune) bool { return r == ',' }) {
		addStore(p.truth, string(store), &simcloud.Group{Images: 1, Size: big.NewInt(img.Size)})
	}
	if len(img.Checksum) == 0 {
		condition.WithoutChecksum++
	}
	if img.Protected == False {
		condition.Unprotected++
	}
	if img.Updated.Before(condition.OldestUpdate) {
		condition.OldestUpdate = img.Updated
	}
	if img.Created.After(condition.NewestCreation) {
		condition.NewestCreation = img.Created
	}
}

func (p *tallyPage) Commit() {
	for key, group := range p.truth.Groups {
		addTo(p.into, key, group, simcloud.StatusKey{}, nil)
	}
	for key, condition := range p.truth.Conditions {
		addTo(p.into, simcloud.GroupKey{}, nil, key, condition)
	}
	for store, sum := range p.truth.Stores {
		addStore(p.into, store, sum)
	}
}

func addStore(truth *simcloud.Truth, store string, more *simcloud.Group) {
	sum := truth.Stores[store]
	if sum == nil {
		sum = &simcloud.Group{Size: new(big.Int)}
		truth.Stores[store] = sum
	}
	sum.Images += more.Images
	sum.Size.Add(sum.Size, more.Size)
}

func addTo(truth *simcloud.Truth, key simcloud.GroupKey, group *simcloud.Group, status simcloud.StatusKey, condition *simcloud.Condition) {
	if group != nil {
		truth.Images += group.Images
		truth.Size.Add(truth.Size, group.Size)
		sum := truth.Groups[key]
		if sum == nil {
			sum = &simcloud.Group{Size: new(big.Int), VirtualSize: new(big.Int)}
			truth.Groups[key] = sum
		}
		sum.Images += group.Images
		sum.WithVirtual += group.WithVirtual
		sum.Size.Add(sum.Size, group.Size)
		sum.VirtualSize.Add(sum.VirtualSize, group.VirtualSize)
	}
	if condition != nil {
		sum := truth.Conditions[status]
		if sum == nil {
			truth.Conditions[status] = &simcloud.Condition{}
			sum = truth.Conditions[status]
			*sum = *condition
			return
		}
		if condition.OldestUpdate.Before(sum.OldestUpdate) {
			sum.OldestUpdate = condition.OldestUpdate
		}
		if condition.NewestCreation.After(sum.NewestCreation) {
			sum.NewestCreation = condition.NewestCreation
		}
		sum.WithoutChecksum += condition.WithoutChecksum
		sum.WithoutSize += condition.WithoutSize
		sum.Unprotected += condition.Unprotected
		sum.FailedImport += condition.FailedImport
	}
}
