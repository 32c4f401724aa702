package bench

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/glance-exporter/glance_exporter/client"
)

// BenchmarkScrape reads a list of many images as a scrape does, and as others
// would. Beside the usual metrics it reports, of this process alone:
//
//	cpu-ms/op    CPU time, of the program and of the kernel on its behalf
//	allocs/page  allocations for each answer of the service
//	peak-MB      the most memory that was resident
//
// Where the system does not tell them, CPU time and memory are left out.
func BenchmarkScrape(b *testing.B) {
	for _, dialect := range client.Versions() {
		for _, count := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("api=%s/images=%d", dialect, count), func(b *testing.B) {
				in, base := startInput(b, dialect, count)
				for _, c := range competitors {
					if c.v2Only && dialect != client.VersionV2 {
						continue
					}
					b.Run("reader="+c.name, func(b *testing.B) {
						measure(b, in, c.reader(b, dialect, in, base))
					})
				}
			})
		}
	}
}

// measure repeats a read. The first one is not counted: it makes the connection
// and, for the exporter, learns what kind of service it reads.
func measure(b *testing.B, in *input, read reader) {
	b.Helper()
	check := func(found int, err error) {
		if err != nil {
			b.Fatal(err)
		}
		if found >= 0 && found != in.Images {
			b.Fatalf("%d images were found; there are %d", found, in.Images)
		}
	}
	check(read(b.Context()))
	debug.FreeOSMemory()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	resetPeak()
	spent := cpuTime()
	b.ReportAllocs()
	for b.Loop() {
		check(read(b.Context()))
	}
	spent = cpuTime() - spent
	peak := peakBytes()
	runtime.ReadMemStats(&after)
	reads := float64(b.N)
	if spent > 0 {
		b.ReportMetric(spent.Seconds()*1e3/reads, "cpu-ms/op")
	}
	if peak > 0 {
		b.ReportMetric(float64(peak)/1e6, "peak-MB")
	}
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/reads/float64(len(in.URIs)), "allocs/page")
	b.ReportMetric(float64(in.Images), "images/op")
	b.ReportMetric(float64(in.Bytes)/1e6, "read-MB/op")
}
