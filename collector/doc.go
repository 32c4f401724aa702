// Package collector turns the images of a cloud into Prometheus metrics.
//
// Data flows through it once:
//
//	client.Image -> Labels -> a page of Totals -> Totals -> Inventory
//	             -> Snapshot -> table of metrics -> registry
//
// A [Lister], in production a client.Client, hands each image of a page to
// [Totals], which fold it into its groups at once and keep no image. When all
// pages are read they become an [Inventory], and the inventory, or the reason
// why there is none, becomes a [Snapshot]. Neither ever changes, so all scrapes
// that waited for the same read share them.
//
// [Shared] runs the reads, one at a time for all who wait; [Refresher] has it run
// them in the background. The collector of [New] turns a snapshot into samples
// by the tables of [Metrics] and [ImageMetrics]. What the exporter tells about itself is counted and logged in [Telemetry], and nowhere
// else.
//
// Adding a label, a metric or one of the exporter's own counters means adding a
// line to a table in labels.go, metrics.go or telemetry.go. The package knows
// no HTTP.
package collector
