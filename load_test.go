package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// isList tells whether a request is for the image list.
func isList(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/images/detail") }

// answers asks for a path so many times at once, and again where there are too
// many requests already.
func (p *exporter) answers(paths ...string) []answer {
	p.t.Helper()
	got := make([]answer, len(paths))
	var group sync.WaitGroup
	for i, path := range paths {
		group.Go(func() {
			for got[i].status == 0 || got[i].status == http.StatusServiceUnavailable {
				var err error
				if got[i], err = fetch(p.t.Context(), oneShot(), "http://"+p.address+path); err != nil {
					p.t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return got
}

// repeated gives a path so many times.
func repeated(times int, path string) []string {
	paths := make([]string, times)
	for i := range paths {
		paths[i] = path
	}
	return paths
}

// inventory gives those lines of an answer that tell of the images.
func inventory(body string) string {
	var lines []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "glance_images") || strings.HasPrefix(line, "glance_inventory") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// openFiles counts the process's descriptors, 0 where it cannot.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// mustSettle demands that goroutines and descriptors go back to what they were,
// or to a few more.
func mustSettle(t *testing.T, goroutines, descriptors, more int) {
	t.Helper()
	running, open := 0, 0
	for began := time.Now(); time.Since(began) < 10*time.Second; runtime.GC() {
		running, open = runtime.NumGoroutine(), openFiles()
		if running <= goroutines+more && open <= descriptors+more {
			return
		}
	}
	t.Errorf("%d goroutines are running and %d descriptors open; before it were %d and %d", running, open, goroutines, descriptors)
}

// manyOwners makes a cloud of images that each have an owner of their own, whose
// name is so long.
func manyOwners(t *testing.T, images, length int) (cloud *simcloud.Cloud, cloudsFile string) {
	t.Helper()
	cloud, cloudsFile = simulate(t, simcloud.Options{})
	for n := range images {
		img := simcloud.Image{
			ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Status: "active", DiskFormat: new("raw"), Visibility: "private",
			Owner: new(fmt.Sprintf("%0*d", length, n)), Size: new(int64(n)), Created: time.Unix(int64(n), 0), Updated: time.Unix(int64(n), 0),
		}
		cloud.Add(img)
	}
	return cloud, cloudsFile
}

func TestFortyScrapersShareARead(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 500})
	p := start(t, "--clouds-file", file, "--cloud=admin")
	held := make(chan struct{})
	cloud.OnRequest(func(r *http.Request) {
		if isList(r) {
			<-held
		}
	})
	go func() {
		// The slots are all taken once even a probe of nothing is turned away.
		for {
			got, err := fetch(context.Background(), oneShot(), "http://"+p.address+"/probe")
			if err != nil || got.status == http.StatusServiceUnavailable {
				break
			}
		}
		close(held)
	}()
	got := p.answers(repeated(40, "/metrics")...)
	mustBeTrue(t, parse(t, got[0].body), cloud.Truth("admin"))
	for i := range got {
		if got[i].status != http.StatusOK || inventory(got[i].body) != inventory(got[0].body) {
			t.Errorf("%d: %s", got[i].status, got[i].body)
		}
	}
	families := p.scrape()
	mustShow(t, families, 2, "glance_scrapes_total") // theirs and this one
	mustShow(t, families, 0, "glance_scrape_errors_total")
}

func TestTwoThousandGroups(t *testing.T) {
	const images = 2000
	_, file := manyOwners(t, images, 32)
	p := start(t, "--clouds-file", file, "--cloud=admin", "--inventory.labels=status,owner")
	families := p.scrape()
	mustShow(t, families, 0, "glance_inventory_overflow_groups")
	mustShow(t, families, images, "glance_images")
	mustShow(t, families, images*(images-1)/2, "glance_images_size_bytes")
	for n := range images {
		owner := fmt.Sprintf("%032d", n)
		if size, series := sum(families, "glance_images_size_bytes", "owner", owner); series != 1 || size != float64(n) {
			t.Errorf("%s has %v bytes in %d series", owner, size, series)
		}
	}
}

// A scraper that hangs up and one that does not read its answer are nobody
// else's trouble.
func TestScrapersThatHangUpOrStall(t *testing.T) {
	cloud, file := manyOwners(t, 3000, 1000) // 9 MB to show, more than sockets buffer
	p := start(t, "--clouds-file", file, "--cloud=admin", "--inventory.labels=owner", "--inventory.max-groups=5000")
	p.get("/metrics")
	goroutines, descriptors := runtime.NumGoroutine(), openFiles()

	asked, held := make(chan struct{}, 10), make(chan struct{})
	cloud.OnRequest(func(r *http.Request) {
		if isList(r) {
			asked <- struct{}{}
			<-held
		}
	})
	ctx, hangUp := context.WithCancel(t.Context())
	hungUp := make(chan error, 1)
	go func() {
		_, err := fetch(ctx, oneShot(), "http://"+p.address+"/metrics")
		hungUp <- err
	}()
	<-asked
	stalled, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	if tcp, ok := stalled.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096)
	}
	if _, err := stalled.Write([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	hangUp()
	if err := <-hungUp; !errors.Is(err, context.Canceled) {
		t.Errorf("the scraper that hung up got %v", err)
	}
	cloud.OnRequest(nil)
	close(held)
	for began := time.Now(); strings.Count(p.log.String(), "images=3000") < 2; p.get("/-/healthy") {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the scraper that stalls is not served: %s", p.log)
		}
	}

	cloud.Delete(cloud.Images()[0].ID)
	body := p.get("/metrics").body
	if groups := strings.Count(body, "\nglance_images{"); groups != 2999 || !strings.Contains(body, "\nglance_inventory_images 2999\n") {
		t.Errorf("%d groups show", groups)
	}
	if !strings.Contains(body, "\npromhttp_metric_handler_requests_in_flight 2\n") { // this one, and the one that stalls
		t.Error("none has stalled")
	}
	stalled.Close()
	mustSettle(t, goroutines, descriptors, 0)
}

// When nobody waits for a read any more, the service is not kept busy by it, and
// it counts nowhere.
func TestHangingUpEndsTheRequestToTheService(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 5})
	p := start(t, "--clouds-file", file, "--cloud=admin")
	asked, ended := make(chan struct{}, 1), make(chan struct{})
	cloud.OnRequest(func(r *http.Request) {
		if isList(r) {
			context.AfterFunc(r.Context(), func() { close(ended) })
			asked <- struct{}{}
		}
	})
	cloud.Inject(simcloud.Fault{Operation: "list", Kind: simcloud.Hang}) // until the client gives up
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		<-asked
		hangUp()
	}()
	if _, err := fetch(ctx, oneShot(), "http://"+p.address+"/metrics"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	select {
	case <-ended:
	case <-time.After(time.Second):
		t.Error("the request is still under way after a second")
	}
	cloud.OnRequest(nil)
	cloud.ClearFaults()
	families := p.scrape()
	mustBeTrue(t, families, cloud.Truth("admin"))
	mustShow(t, families, 1, "glance_scrapes_total")
	mustShow(t, families, 0, "glance_scrape_errors_total")
	if strings.Contains(p.log.String(), "level=error") {
		t.Errorf("it is in the log: %s", p.log)
	}
}

// regions serves a cloud of so many regions, which are read one by one with one
// login, and gives the paths of their probes.
func regions(t *testing.T, n int) (cloud *simcloud.Cloud, paths []string) {
	t.Helper()
	clearEnvironment(t)
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("region-%d", i))
		paths = append(paths, "/probe?cloud=cloud&region="+names[i])
	}
	cloud = serveCloud(t, simcloud.Options{Images: 20, Regions: names})
	writeClouds(t, entry("cloud", cloud, "admin", "adminpw", "regions: ["+strings.Join(names, ", ")+"]"))
	return cloud, paths
}

// However many scrapes fail, in whatever way, nothing of them stays.
func TestAThousandFaultyScrapesLeaveNothingBehind(t *testing.T) {
	const atOnce, rounds = 40, 25
	cloud, paths := regions(t, atOnce)
	p := start(t, "--scrape.timeout=100ms")
	mustAllBeTrue := func() {
		t.Helper()
		for _, path := range paths {
			mustBeTrue(t, parse(t, p.get(path, timeoutHeader, "10").body), cloud.Truth("admin"))
		}
	}
	mustAllBeTrue()
	p.answers(paths...)
	goroutines, descriptors := runtime.NumGoroutine(), openFiles()
	kinds := int(simcloud.Deep) + 1
	statuses := map[simcloud.Kind]int{simcloud.Status: 500, simcloud.HangError: 403}
	failed := map[simcloud.Kind]bool{}
	for round := range rounds {
		kind := simcloud.Kind(round % kinds)
		cloud.ClearFaults()
		cloud.Inject(simcloud.Fault{Operation: "list", Kind: kind, Status: statuses[kind], Delay: time.Minute, Body: "<html>"})
		for _, got := range p.answers(paths...) {
			down := strings.Contains(got.body, "\nglance_up 0\n")
			if got.status != http.StatusOK || !down && !strings.Contains(got.body, "\nglance_up 1\n") {
				t.Errorf("%d: %s", got.status, got.body)
			}
			failed[kind] = failed[kind] || down
		}
	}
	for kind := range simcloud.Kind(kinds) {
		if kind != simcloud.ResetLate && !failed[kind] { // whose answer is whole
			t.Errorf("fault %d fails no scrape", kind)
		}
	}
	cloud.ClearFaults()
	mustAllBeTrue()
	mustSettle(t, goroutines, descriptors, 40) // connections to the service that are kept
}

func TestTwentyScrapesTakeOneLogin(t *testing.T) {
	cloud, file := simulate(t, simcloud.Options{Images: 5})
	p := start(t, "--clouds-file", file, "--cloud=admin")
	for range 20 {
		mustBeTrue(t, p.scrape(), cloud.Truth("admin"))
	}
	if logins := cloud.Count("auth"); logins != 1 {
		t.Errorf("there were %d logins", logins)
	}
}

// A token that is revoked under eight reads is renewed for all of them.
func TestTokenRevokedUnderEightReads(t *testing.T) {
	cloud, paths := regions(t, 8)
	p := start(t)
	p.get(paths[0])
	var group sync.WaitGroup
	group.Add(len(paths))
	released := make(chan struct{})
	var mu sync.Mutex
	waiting := len(paths)
	cloud.OnRequest(func(r *http.Request) {
		mu.Lock()
		first := isList(r) && waiting > 0
		if first {
			waiting--
		}
		mu.Unlock()
		if first {
			group.Done()
			<-released
		}
	})
	go func() {
		group.Wait()
		cloud.Revoke()
		close(released)
	}()
	for _, got := range p.answers(paths...) {
		mustBeTrue(t, parse(t, got.body), cloud.Truth("admin"))
	}
	if logins := cloud.Count("auth"); logins < 2 || logins > 3 {
		t.Errorf("there were %d logins", logins)
	}
}
