package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/glance-exporter/glance_exporter/client"
)

// emit adds a sample to a metric: its value, and those of its labels.
type emit func(value float64, labels ...string)

// metric is one line of the tables below.
type metric struct {
	name   string
	help   string
	labels func(Labels) []string
	// samples emits what the snapshot has to say, which may be nothing.
	samples func(*Snapshot, emit)
}

// What a scrape shows of a cloud is listed in three tables, all of it gauges.

// inventoryMetrics tell of the inventory, and are there only when it was read
// whole.
var inventoryMetrics = []metric{
	{
		"glance_images", "Number of images.",
		Labels.Names, perGroup(func(g *groupRow) (float64, bool) { return float64(g.images), true }),
	},
	{
		"glance_images_size_bytes", "Sum of the sizes of the images' data, of those images whose size is known.",
		Labels.Names, perGroup(func(g *groupRow) (float64, bool) { return g.size.float(), true }),
	},
	{
		"glance_images_virtual_size_bytes",
		"Sum of the sizes of the disks that the images describe, of those images that report one; left out where none does.",
		Labels.Names, perGroup(func(g *groupRow) (float64, bool) { return g.virtual.float(), g.withVirtual > 0 }),
	},
	{
		"glance_inventory_images", "Number of images in the whole inventory.",
		only(), total(func(i *Inventory) float64 { return float64(i.images) }),
	},
	{
		"glance_inventory_size_bytes", "Sum of the sizes of all images whose size is known.",
		only(), total(func(i *Inventory) float64 { return i.size.float() }),
	},
	{
		"glance_images_oldest_update_timestamp_seconds",
		"Earliest time at which an image was changed last: since when something is stuck.",
		only(labelStatus, labelPublic), perStatus(func(s *statusRow) (float64, bool) { return timestamp(s.oldestUpdate) }),
	},
	{
		"glance_images_newest_creation_timestamp_seconds", "When the newest image was created.",
		only(labelStatus, labelPublic), perStatus(func(s *statusRow) (float64, bool) { return timestamp(s.newestCreation) }),
	},
	{
		"glance_images_without_checksum", "Number of images that carry no checksum.",
		only(labelStatus, labelPublic), perStatus(func(s *statusRow) (float64, bool) { return float64(s.withoutChecksum), true }),
	},
	{
		"glance_images_without_size", "Number of images whose size is not known.",
		only(labelStatus, labelPublic), perStatus(func(s *statusRow) (float64, bool) { return float64(s.withoutSize), true }),
	},
	{
		"glance_images_unprotected", "Number of images that are not protected from being deleted.",
		only(labelStatus, labelPublic), perStatus(func(s *statusRow) (float64, bool) { return float64(s.unprotected), true }),
	},
	{
		"glance_images_failed_import",
		"Number of images of which an import into a store has failed; only with version v2 of the image API.",
		only(labelStatus, labelPublic), perStatusOfV2(func(s *statusRow) (float64, bool) { return float64(s.failedImport), true }),
	},
	{
		"glance_store_images",
		"Number of images in the store, where the service names its stores; an image in two of them counts in both.",
		only(labelStore), perStore(func(s *storeRow) float64 { return float64(s.images) }),
	},
	{
		"glance_store_images_size_bytes", "Sum of the sizes of the images in the store, of those whose size is known.",
		only(labelStore), perStore(func(s *storeRow) float64 { return s.size.float() }),
	},
	{
		"glance_inventory_timestamp_seconds", "When the read of this inventory began.",
		only(), func(s *Snapshot, emit emit) {
			if s.Inventory == nil {
				return
			}
			if at, ok := timestamp(s.Inventory.began); ok {
				emit(at)
			}
		},
	},
	{
		"glance_inventory_overflow_groups",
		"Number of combinations of label values beyond the limit of groups or of statuses, which were folded into \"other\".",
		only(), total(func(i *Inventory) float64 { return float64(i.overflow) }),
	},
}

// imageMetrics tell of single images, where the inventory keeps these.
var imageMetrics = []metric{
	{
		"glance_image_info", "Always 1: what is known of an image.",
		only(imageLabels.Names()...), eachImage(func(i *imageRow, emit emit) { emit(1, imageLabels.values(i.key)...) }),
	},
	{
		"glance_image_size_bytes", "Size of the image's data; left out where it is not known.",
		only(labelID), perImage(func(i *imageRow) (float64, bool) { return float64(i.size), i.size >= 0 }),
	},
	{
		"glance_image_virtual_size_bytes", "Size of the disk that the image describes; left out where it reports none.",
		only(labelID), perImage(func(i *imageRow) (float64, bool) { return float64(i.virtual), i.virtual >= 0 }),
	},
	{
		"glance_image_min_disk_bytes", "Size of the smallest disk that the image may be started on; 0 where it asks for none.",
		only(labelID), perImage(func(i *imageRow) (float64, bool) { return float64(i.minDisk) * gibibyte, true }),
	},
	{
		"glance_image_min_ram_bytes", "Smallest memory that the image may be started with; 0 where it asks for none.",
		only(labelID), perImage(func(i *imageRow) (float64, bool) { return float64(i.minRAM) * mebibyte, true }),
	},
	{
		"glance_image_created_timestamp_seconds", "When the image was created; left out where the service does not say.",
		only(labelID), perImage(func(i *imageRow) (float64, bool) { return timestamp(i.created) }),
	},
	{
		"glance_image_updated_timestamp_seconds", "When the image was changed last; left out where the service does not say.",
		only(labelID), perImage(func(i *imageRow) (float64, bool) { return timestamp(i.updated) }),
	},
}

// readMetrics tell of the read itself, and are there with an inventory and in
// place of one.
var readMetrics = []metric{
	{
		"glance_up", "Whether the last read brought the whole inventory (1) or failed (0).",
		only(), func(s *Snapshot, emit emit) { emit(boolean(s.Err == nil)) },
	},
	{
		"glance_scrape_failed", "Whether the last read failed for this reason (1) or not (0).",
		only(labelReason), func(s *Snapshot, emit emit) {
			for _, reason := range client.Reasons {
				emit(boolean(s.Err != nil && s.Err.Reason == reason.Name), string(reason.Name))
			}
		},
	},
	{
		"glance_scrape_duration_seconds", "Time that the last read took.",
		only(), func(s *Snapshot, emit emit) { emit(s.Duration.Seconds()) },
	},
	{
		"glance_scrape_timeout_seconds", "Time that the last read had; 0 where it had no limit.",
		only(), func(s *Snapshot, emit emit) { emit(s.Timeout.Seconds()) },
	},
	{
		"glance_scrape_requests",
		"Number of requests that the last read made to the image service, retries included, logins not.",
		only(), func(s *Snapshot, emit emit) { emit(float64(s.Info.Requests)) },
	},
	{
		"glance_inventory_refresh_interval_seconds",
		"Time between two reads in the background; 0 where the inventory is read on every scrape.",
		only(), func(s *Snapshot, emit emit) { emit(s.RefreshInterval.Seconds()) },
	},
	{
		"glance_api_info",
		"Always 1: which version of the image API is in use, and whether the credentials hold the role admin (none without a token).",
		only("version", "admin"), func(s *Snapshot, emit emit) {
			if s.Info.Version != "" {
				emit(1, s.Info.Version, s.Info.Admin.String())
			}
		},
	},
}

// What the API calls MB and GB.
const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// eachMetric goes through the lines of all tables.
func eachMetric(do func(*metric)) {
	for _, table := range [][]metric{inventoryMetrics, imageMetrics, readMetrics} {
		for i := range table {
			do(&table[i])
		}
	}
}

// only gives labels that do not depend on those that the user chose.
func only(names ...string) func(Labels) []string {
	return func(Labels) []string { return names }
}

// perGroup emits a sample for each group that value has one for.
func perGroup(value func(*groupRow) (float64, bool)) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		if s.Inventory == nil {
			return
		}
		for i := range s.Inventory.groups {
			row := &s.Inventory.groups[i]
			if v, ok := value(row); ok {
				emit(v, row.values...)
			}
		}
	}
}

// perStatusOfV2 emits a value for each row of an inventory read through v2.
func perStatusOfV2(value func(*statusRow) (float64, bool)) func(*Snapshot, emit) {
	all := perStatus(value)
	return func(s *Snapshot, emit emit) {
		if s.Info.Version == client.VersionV2 {
			all(s, emit)
		}
	}
}

// perStore emits a value for each store.
func perStore(value func(*storeRow) float64) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		if s.Inventory == nil {
			return
		}
		for i := range s.Inventory.stores {
			row := &s.Inventory.stores[i]
			emit(value(row), row.store)
		}
	}
}

// perStatus emits a sample for each status, of public images and others, that
// value has one for.
func perStatus(value func(*statusRow) (float64, bool)) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		if s.Inventory == nil {
			return
		}
		for i := range s.Inventory.statuses {
			row := &s.Inventory.statuses[i]
			if v, ok := value(row); ok {
				emit(v, row.values...)
			}
		}
	}
}

// total emits one sample of an inventory.
func total(value func(*Inventory) float64) func(*Snapshot, emit) {
	return func(s *Snapshot, emit emit) {
		if s.Inventory != nil {
			emit(value(s.Inventory))
		}
	}
}

// timestamp gives a time as a sample's value, and false for no time. It does not
// go through nanoseconds in 64 bits, which end in 2262: a service may date an
// image to any year.
func timestamp(at time.Time) (float64, bool) {
	return float64(at.Unix()) + float64(at.Nanosecond())/1e9, !at.IsZero()
}

// boolean gives a truth as a sample's value.
func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// desc makes the description that the registry wants of a metric.
func (m *metric) desc(labels Labels) *prometheus.Desc {
	return prometheus.NewDesc(m.name, m.help, m.labels(labels), nil)
}

// MetricDoc describes a metric to those who document or check it.
type MetricDoc struct {
	Name   string
	Type   string // gauge, counter or histogram
	Help   string
	Labels []string // nil for a metric without
}

// Metrics describes what a scrape shows of a cloud whose inventory is grouped by
// the labels, in the order of the documentation: the inventory, then the read.
func Metrics(labels Labels) []MetricDoc {
	return append(describe(inventoryMetrics, labels), describe(readMetrics, labels)...)
}

// ImageMetrics describes what a scrape shows of each image where the inventory
// keeps single images.
func ImageMetrics() []MetricDoc { return describe(imageMetrics, Labels{}) }

// describe describes the metrics of a table.
func describe(table []metric, labels Labels) []MetricDoc {
	docs := make([]MetricDoc, len(table))
	for i, m := range table {
		docs[i] = MetricDoc{Name: m.name, Type: "gauge", Help: m.help, Labels: m.labels(labels)}
	}
	return docs
}
