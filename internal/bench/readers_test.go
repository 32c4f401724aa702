package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-kit/log"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/pagination"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
)

// A reader reads the whole list once, and tells how many images it found on it;
// -1 where it does not look.
type reader func(ctx context.Context) (images int, err error)

// A competitor makes a reader of the list of a service.
type competitor struct {
	name   string
	v2Only bool
	reader func(tb testing.TB, dialect string, in *input, base *url.URL) reader
}

// competitors lists who reads, the exporter itself first.
var competitors = []competitor{
	{"scrape", false, newScraper},
	{"list", false, newLister},
	{"encoding-json", false, newStructReader},
	{"gophercloud", true, newGophercloud}, // it has no lister for v1.1
	{"tokens", false, newTokenReader},
	{"discard", false, newDiscarder},
}

// newScraper makes whole scrapes by the exporter: the list, its totals and the
// samples made of them, all but the HTTP answer to Prometheus.
func newScraper(tb testing.TB, dialect string, _ *input, base *url.URL) reader {
	tb.Helper()
	scope := collector.NewTelemetry(log.NewNopLogger()).For("bench", "")
	labels := collector.DefaultLabels()
	source := collector.NewShared(newClient(tb, dialect, base, scope), collector.Config{Labels: labels}, scope)
	return func(ctx context.Context) (int, error) {
		registry := prometheus.NewRegistry()
		if err := registry.Register(collector.New(ctx, source, labels)); err != nil {
			return 0, err
		}
		families, err := registry.Gather()
		if err != nil {
			return 0, err
		}
		for _, family := range families {
			if family.GetName() == "glance_inventory_images" {
				return int(family.GetMetric()[0].GetGauge().GetValue()), nil
			}
		}
		return 0, fmt.Errorf("the scrape failed: %s", scope.Last().Reason)
	}
}

// newLister makes those parts of a scrape that grow with the images: the list
// and its totals.
func newLister(tb testing.TB, dialect string, _ *input, base *url.URL) reader {
	tb.Helper()
	lister := newClient(tb, dialect, base, collector.NewTelemetry(log.NewNopLogger()).For("bench", ""))
	return func(ctx context.Context) (int, error) {
		totals := collector.NewTotals(collector.Config{Labels: collector.DefaultLabels()})
		_, err := lister.List(ctx, totals.NewPage)
		_, found := totals.Progress()
		return found, err
	}
}

// newClient makes the exporter's client of a service that wants no login.
func newClient(tb testing.TB, dialect string, base *url.URL, trace client.Trace) *client.Client {
	tb.Helper()
	login := client.NewLogin(client.Standalone(), client.LoginConfig{UserAgent: "glance_exporter/bench"})
	tb.Cleanup(login.Close)
	return client.New(login, client.Config{Version: dialect, Endpoint: base, PageSize: pageSize, Trace: trace})
}

// listedImage has what the exporter reads of an image, and nothing of what it
// skips. v1.1 writes times that time.Time does not read.
type listedImage[T string | time.Time] struct {
	ID              string  `json:"id"`
	Name            *string `json:"name"`
	Status          string  `json:"status"`
	DiskFormat      *string `json:"disk_format"`
	ContainerFormat *string `json:"container_format"`
	Visibility      string  `json:"visibility"`
	Owner           *string `json:"owner"`
	Checksum        *string `json:"checksum"`
	Size            *int64  `json:"size"`
	VirtualSize     *int64  `json:"virtual_size"`
	MinDisk         int64   `json:"min_disk"`
	MinRAM          int64   `json:"min_ram"`
	Public          *bool   `json:"is_public"`
	Protected       bool    `json:"protected"`
	Hidden          bool    `json:"os_hidden"`
	Deleted         bool    `json:"deleted"`
	Stores          string  `json:"stores"`
	Created         T       `json:"created_at"`
	Updated         T       `json:"updated_at"`
}

// newStructReader decodes each page by encoding/json, and drops it.
func newStructReader(tb testing.TB, dialect string, in *input, base *url.URL) reader {
	tb.Helper()
	if dialect == client.VersionV2 {
		return structReader[time.Time](tb, in, base)
	}
	return structReader[string](tb, in, base)
}

func structReader[T string | time.Time](tb testing.TB, in *input, base *url.URL) reader {
	tb.Helper()
	return each(tb, in, base, func(body io.Reader) (int, error) {
		var page struct {
			Images []listedImage[T] `json:"images"`
			Next   string           `json:"next"`
		}
		err := json.NewDecoder(body).Decode(&page)
		return len(page.Images), err
	})
}

// newGophercloud lists page by page. AllPages would take the same CPU time, and
// the memory of all images at once.
func newGophercloud(tb testing.TB, _ string, _ *input, base *url.URL) reader {
	tb.Helper()
	service := &gophercloud.ServiceClient{
		ProviderClient: &gophercloud.ProviderClient{HTTPClient: *newHTTPClient(tb)},
		Endpoint:       base.String() + "/v2/",
	}
	return func(ctx context.Context) (int, error) {
		found := 0
		for _, hidden := range []bool{false, true} {
			options := images.ListOpts{Limit: pageSize, Visibility: "all", MemberStatus: "all", Hidden: hidden}
			err := images.List(service, options).EachPage(ctx, func(_ context.Context, page pagination.Page) (bool, error) {
				listed, err := images.ExtractImages(page)
				found += len(listed)
				return true, err
			})
			if err != nil {
				return 0, err
			}
		}
		return found, nil
	}
}

// newTokenReader reads every JSON token by the library that the exporter uses,
// and looks at none of them.
func newTokenReader(tb testing.TB, _ string, in *input, base *url.URL) reader {
	tb.Helper()
	tokens := jsontext.NewDecoder(strings.NewReader(""))
	return blind(each(tb, in, base, func(body io.Reader) (int, error) {
		tokens.Reset(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		for {
			if _, err := tokens.ReadToken(); errors.Is(err, io.EOF) {
				return 0, nil
			} else if err != nil {
				return 0, err
			}
		}
	}))
}

// newDiscarder reads all bytes and throws them away.
func newDiscarder(tb testing.TB, _ string, in *input, base *url.URL) reader {
	tb.Helper()
	return blind(each(tb, in, base, func(body io.Reader) (int, error) {
		_, err := io.Copy(io.Discard, body)
		return 0, err
	}))
}

// blind gives a reader that does not look for images.
func blind(read reader) reader {
	return func(ctx context.Context) (int, error) {
		_, err := read(ctx)
		return -1, err
	}
}

// each gives a reader that asks for the answers of an input one after the other.
func each(tb testing.TB, in *input, base *url.URL, consume func(body io.Reader) (images int, err error)) reader {
	tb.Helper()
	service := newHTTPClient(tb)
	return func(ctx context.Context) (int, error) {
		found := 0
		for _, uri := range in.URIs {
			err := get(ctx, service, base, uri, func(body io.Reader) error {
				n, err := consume(body)
				found += n
				return err
			})
			if err != nil {
				return 0, err
			}
		}
		return found, nil
	}
}

// get reads one answer to its end.
func get(ctx context.Context, service *http.Client, base *url.URL, uri string, consume func(body io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String()+uri, http.NoBody)
	if err != nil {
		return err
	}
	response, err := service.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", uri, response.Status)
	}
	if err := consume(response.Body); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body) // or the connection is not used again
	return err
}

// newHTTPClient makes a client with connections of its own.
func newHTTPClient(tb testing.TB) *http.Client {
	tb.Helper()
	transport := &http.Transport{}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
