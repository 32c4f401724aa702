package main

import (
	"fmt"
	"strings"
)

// What a dashboard's variables choose. "All" is ".*", which matches where there is
// no such label, too.
const chosen = `job=~"$job", instance=~"$instance", cloud=~"$cloud", region=~"$region"`

// chosenOwn chooses among the exporter's own metrics. They are scraped by another
// job than the inventories of /probe; and a metric of the process has no cloud, one
// of a cloud whose region nobody asked for has no region.
const chosenOwn = `instance=~"$instance", cloud=~"$cloud|", region=~"$region|"`

// each is what sums keep apart: every inventory by itself, unless the variable
// "each" asks for all of them together.
const each = "$each"

// inventory is what tells inventories apart.
const inventory = "job, instance, cloud, region"

// of selects a metric of the inventory or of its read.
func of(metric string, conditions ...string) string {
	return metric + "{" + strings.Join(append(conditions, chosen), ", ") + "}"
}

// own selects one of the exporter's own metrics.
func own(metric string, conditions ...string) string {
	return metric + "{" + strings.Join(append(conditions, chosenOwn), ", ") + "}"
}

// targets has a series for each target that told of a read within a day, also
// where it does not answer now.
func targets() string { return "last_over_time(" + of("glance_up") + "[1d])" }

// before is a metric's value some time ago, or within the 15 minutes before where
// it was not scraped just then.
func before(selector, ago string) string {
	return fmt.Sprintf("last_over_time(%s[15m] offset %s)", selector, ago)
}

// nameless drops a metric's name, as every calculation does. A table's merge puts
// only those lines together that have the same in every column, that of the name
// included.
func nameless(expr string) string { return "1 * " + expr }

// orUnknown adds a NaN for each target that has no value, so that a table has a line
// for each of them. Such a query is never empty, which matters: the table's merge
// goes by the columns that all queries have.
func orUnknown(expr string) string { return expr + " or NaN * " + targets() }

// by sums a metric by one label, which is "none" where it is not exported. That is set
// before the sum: one inventory may say "none" and another say nothing.
func by(label, selector string) string {
	return fmt.Sprintf("sum by (%s, %s) (%s)", each, label, none(label, selector))
}

// none sets a label that is not there to "none".
func none(label, expr string) string {
	return fmt.Sprintf(`label_replace(%s, %q, "none", %q, "")`, expr, label, label)
}

// spell makes a label of those values of another one that match, in other words.
func spell(expr, label, word, source, match string) string {
	return fmt.Sprintf("label_replace(%s, %q, %q, %q, %q)", expr, label, word, source, match)
}

// orNone adds a NaN at "none" for what has no value at all, for the same reason as
// orUnknown.
func orNone(label, expr string) string {
	return fmt.Sprintf("%s or on (%s) %s", expr, each, none(label, fmt.Sprintf("NaN * sum by (%s) (%s)", each, targets())))
}

// vanishing selects a metric by group labels and makes a group that has vanished
// within an hour 0 while there is an inventory. Without one there is a gap.
func vanishing(metric string, conditions ...string) string {
	selector := of(metric, conditions...)
	return fmt.Sprintf("(%s or 0 * last_over_time(%s[1h]) and on (%s) %s)", selector, selector, inventory, of("glance_inventory_images"))
}

// unknownSizes counts the images that no panel of bytes contains, where there are
// any.
func unknownSizes() string {
	return fmt.Sprintf("sum by (%s) (%s) > 0", each, of("glance_images_without_size"))
}

// since is the age of a timestamp.
func since(expr string) string { return "time() - " + expr }

// waiting is how long the image of a status has not changed that has not for
// longest.
func waiting(status string) string {
	return since("min without (status, public) (" + of("glance_images_oldest_update_timestamp_seconds", status) + ")")
}

// quantile is that of a histogram, by its classic buckets or, where these are not
// scraped, by the native ones.
func quantile(q float64, labels, histogram string, conditions ...string) string {
	return fmt.Sprintf("histogram_quantile(%v, sum by (%s, le) (rate(%s[$__rate_interval]))) or histogram_quantile(%v, sum by (%s) (rate(%s[$__rate_interval])))",
		q, labels, own(histogram+"_bucket", conditions...), q, labels, own(histogram, conditions...))
}
