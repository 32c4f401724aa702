package main

import "fmt"

// imageInventory makes the dashboard of the images themselves.
func imageInventory() *dashboard {
	up := "glance_up"
	return &dashboard{
		UID: "glance-image-inventory", Title: "Glance / Image inventory",
		Description: "The images of OpenStack clouds, as glance_exporter reads them: whether the inventory is whole, what grows, what is stuck, what needs care.",
		Tags:        []string{tag}, SchemaVersion: schemaVersion, Version: 1, Editable: true, GraphTooltip: 1,
		Refresh: "1m", Time: timeRange{"now-24h", "now"}, Timezone: "browser",
		Links: related(), Annotations: object{"list": []object{}},
		Templating: templating{[]variable{
			datasource(),
			values("job", "Job", up, "Jobs that scrape inventories."),
			values("instance", "Exporter", up+`{job=~"$job"}`, "Exporters by their address, or whatever the label instance says."),
			values("cloud", "Cloud", up+`{job=~"$job", instance=~"$instance"}`, "The label cloud of the targets, where they have one."),
			values("region", "Region", up+`{job=~"$job", instance=~"$instance", cloud=~"$cloud"}`, "The label region of the targets, where they have one."),
			togetherness(),
			ask("property", "Property", "label_names()", "Image properties that the inventory is grouped by: --inventory.labels=...,property:KEY.").filtered("/^property_/"),
		}},
		Panels: arrange(
			row{lines: firstScreen()},
			row{title: "What is there, by status, format, visibility and protection", lines: composition()},
			row{title: "Growth", collapsed: true, lines: growth()},
			row{title: "Stuck, failed, put out of use", collapsed: true, lines: troubles()},
			row{title: "Stores", collapsed: true, lines: stores()},
			row{title: "Projects and properties", collapsed: true, lines: projects()},
			row{title: "Single images", collapsed: true, lines: singles()},
		),
	}
}

const (
	images = "glance_inventory_images"
	size   = "glance_inventory_size_bytes"
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

// firstScreen tells the state at a glance. Nothing in it depends on the labels that
// the inventory is grouped by.
func firstScreen() []line {
	return []line{
		side(
			4,
			stat("Inventories missing", "locale",
				"Targets whose last read was not whole, or that do not answer although they did within a day. Red from 1: their images are not on this dashboard, and no other number tells so.",
				fmt.Sprintf("count(%s unless %s == 1) or 0 * count(%s)", targets(), of("glance_up"), targets()), from(good, at(1, bad))),
			stat("Longest upload or import", "s",
				"The longest time since an image in saving, uploading or importing has changed, of all inventories. Amber from half an hour, more than a large image usually takes; red from an hour, when it is hardly ever going to end. A service that notes progress in an image starts the time anew.",
				longest("saving|uploading|importing"), from(good, at(hour/2, warning), at(hour, bad))),
			stat("Longest in queued", "s",
				"The longest time that an image has been waiting for its data, of all inventories. Amber from a day: who makes an image mostly uploads it at once. It harms nothing, so it is never red.",
				longest("queued"), from(good, at(day, warning))),
			stat("Largest loss since yesterday", "percentunit",
				"By how much of what it was a day ago an inventory has shrunk, where it shrank most. Amber from a tenth, red from a fifth: more than ordinary cleaning removes. A dash: there is no day of data yet.",
				fmt.Sprintf("clamp_min(max(1 - %s / (%s > 0)), 0) or NaN * max(%s)", of(images), before(of(images), "1d"), targets()), from(good, at(.1, warning), at(.2, bad))),
		),
		side(
			7,
			timeline("Is the inventory whole?",
				"A lane for each target: whole, or failed. In a gap the target did not answer. The table beside it says why; exporter health shows more.",
				palette{{"failed", bad}, {"whole", good}},
				query{of("glance_up"), "{{cloud}} {{region}} {{instance}}"}).wide(6),
			table("How complete, how old, how large, and since yesterday and last week?",
				"A line for each target, failures first. State: how the last read ended; absent: it does not answer, but did within a day. Age: since the read of this inventory began; it has no limit of its own, since a read that fails shows in the state at once. The changes are against the value of a day and of 7 days ago. A dash: not known, or no data of then. Bytes are those of the images whose size is known.",
				column{expr: state(), title: "read", hidden: true}, label("reason", "state", states),
				number("age", "s", orUnknown(since(of("glance_inventory_timestamp_seconds")))),
				number("images", "locale", orUnknown(nameless(of(images)))),
				number("+ 1 d", "locale", orUnknown(change(images, "1d"))),
				number("+ 7 d", "locale", orUnknown(change(images, "7d"))),
				number("bytes", "bytes", orUnknown(nameless(of(size)))),
				number("bytes + 1 d", "bytes", orUnknown(change(size, "1d"))),
				number("bytes + 7 d", "bytes", orUnknown(change(size, "7d"))),
				number("unknown size", "locale", orUnknown("sum without (status, public) ("+of("glance_images_without_size")+")")),
			).sorted("state", false),
		),
		side(
			7,
			table("What is stuck, failed or put out of use?",
				"For each target how long the image that has not changed for longest has been in the status; a dash: there is none. Amber from half an hour and red from an hour where data is on its way, amber from a day in queued. Imports: images of which an import into a store has failed, which only the Image API v2 tells. Deactivated images are nothing bad: an administrator has put them out of use.",
				number("saving", "s", orUnknown(waiting(`status="saving"`))).late(),
				number("uploading", "s", orUnknown(waiting(`status="uploading"`))).late(),
				number("importing", "s", orUnknown(waiting(`status="importing"`))).late(),
				number("queued", "s", orUnknown(waiting(`status="queued"`))).above(day, warning),
				number("failed imports", "locale", orUnknown("sum without (status, public) ("+of("glance_images_failed_import")+")")).above(1, bad),
				number("killed", "s", orUnknown(waiting(`status="killed"`))).above(0, bad),
				number("deactivated", "s", orUnknown(waiting(`status="deactivated"`))),
			),
			table("What needs care?",
				"For each target the active images that are: public but not protected, so that one mistake takes them from everybody; without a checksum, so that nobody notices damage; of unknown size, so that they are missing in all bytes. Amber from 1. The newest image, of any status: how long ago it was made, which tells when a build pipeline stands still. Tenants cannot mend the vendor's public images.",
				number("public, unprotected", "locale", careFor("unprotected", `public="true"`)).above(1, warning),
				number("no checksum", "locale", careFor("without_checksum")).above(1, warning),
				number("unknown size", "locale", careFor("without_size")).above(1, warning),
				number("newest image", "s", orUnknown(since("max without (status, public) ("+of("glance_images_newest_creation_timestamp_seconds")+")"))),
			),
		),
		side(
			8,
			graph("How many images?", "short", "All images of each inventory. A gap: there was no whole inventory, so nothing is known of then.",
				query{of(images), "images" + where}).signed(),
			graph("How many bytes?", "bytes", "The bytes of each inventory's images, of those whose size is known. Dashed, at the right: images whose size is not known, where there are any.",
				query{of(size), "bytes" + where}).signed().unknown(),
		),
	}
}

// late is amber from half an hour, red from an hour.
func (c column) late() column {
	c.judged = from("text", at(hour/2, warning), at(hour, bad))
	return c
}

// longest is the longest wait in the statuses, 0 where no image is in them.
func longest(statuses string) string {
	return fmt.Sprintf("%s or 0 * max(%s)",
		since("min("+of("glance_images_oldest_update_timestamp_seconds", `status=~"`+statuses+`"`)+")"), of(images))
}

// state has one series for each target, whose label reason tells how it is.
func state() string {
	return fmt.Sprintf(`%s or label_replace(%s, "reason", "whole", "reason", "") or label_replace(%s, "reason", "absent", "reason", "")`,
		nameless("("+of("glance_scrape_failed")+" == 1)"), nameless("("+of("glance_up")+" == 1)"), nameless("("+targets()+" unless "+of("glance_up")+")"))
}

// change is that of a metric since some time ago.
func change(metric, ago string) string { return of(metric) + " - " + before(of(metric), ago) }

// careFor counts active images, 0 where there are none.
func careFor(what string, conditions ...string) string {
	selector := of("glance_images_"+what, append([]string{`status="active"`}, conditions...)...)
	return orUnknown(fmt.Sprintf("sum without (status, public) (%s) or 0 * %s", selector, of(images)))
}
