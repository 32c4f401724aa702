//go:build e2e

package dashboards

// empty lists the queries that have no answer by right, each with its reason: by
// panel and letter, or by rule. The rules' own tests show that these alerts fire.
var empty = map[string]string{
	"What is stuck, failed or put out of use? / F": "a Glance lists no images that are killed",
	"Spread of the latency of $operation / B":      "Prometheus scrapes classic histograms unless it is told otherwise",

	"GlanceExporterAbsent":   "there are exporters",
	"GlanceTargetAbsent":     "no target was taken away",
	"GlanceInventoryMissing": "needs a quarter of an hour of reads that fail",
	"GlanceInventoryOld":     "reads in the background ride out what fails for a moment",
	"GlanceReadSlow":         "reads take a small part of their time",
	"GlanceInventoryShrank":  "nothing vanishes",
}
