package main

import (
	"fmt"
	"slices"
)

// top is how many projects, properties or images a table lists.
const top = 20

// ranked keeps the largest of each inventory.
func ranked(n int, expr string) string { return fmt.Sprintf("topk by (%s) (%d, %s)", each, n, expr) }

// projects shows who owns the images, and what a property tells of them.
func projects() []line {
	owner := "Needs owner in --inventory.labels; else all is none."
	byOwner := func(metric string) string { return by("owner", of(metric)) }
	property := "Needs property:KEY in --inventory.labels; the list Property chooses among those. Else all is none."
	return []line{
		side(4, note("How to switch this on",
			"Which labels the panels below need, and what they cost.",
			"Projects are shown where the exporter runs with `--inventory.labels=status,disk_format,public,protected,owner`, "+
				"properties where the labels name them, such as `property:os_distro` or `property:image_type`, which tells snapshots from images. "+
				"Without, all is **none**. Each project and each value makes groups of its own: watch *Groups folded into other* in exporter health, "+
				"and raise `--inventory.max-groups` where it is not 0. Projects are told by their ids, as the Image API does.")),
		side(9,
			table("Projects with most bytes", fmt.Sprintf("The %d projects whose images take most bytes, with their images. %s Unknown size: how many images are missing there, of the whole inventory. %s", top, unknownLeft, owner),
				label("owner", "project", nil),
				number("bytes", "bytes", orNone("owner", ranked(top, byOwner(groupBytes)))),
				number("images", "locale", orNone("owner", fmt.Sprintf("%s and on (%s, owner) %s", byOwner(groups), each, ranked(top, byOwner(groupBytes))))),
				number("unknown size", "locale", orNone("owner", unknownBeside(ranked(top, byOwner(groupBytes))))),
			).sorted("bytes", true),
			graph("Bytes by project", "bytes", "The 10 largest projects of each moment. "+unknownLeft+" Dashed, at the right: how many images are missing. "+owner,
				query{ranked(10, byOwner(groupBytes)), "{{owner}}" + where}).unknown()),
		side(9,
			bars("Images by $property", "locale", fmt.Sprintf("The %d most common values of the property. %s", top, property),
				query{ranked(top, byProperty(groups)), "{{value}}" + where}),
			graph("Images by $property over time", "short", "The 10 most common values of each moment. "+property,
				query{ranked(10, byProperty(groups)), "{{value}}" + where}),
			graph("Bytes by $property", "bytes", "The 10 values whose images take most bytes at each moment. "+unknownLeft+" Dashed, at the right: how many images are missing. "+property,
				query{ranked(10, byProperty(groupBytes)), "{{value}}" + where}).unknown()),
	}
}

// byProperty sums by the label that the variable names, whose value becomes the
// label "value". Where there is none to choose, the variable is empty, which
// PromQL takes for a label that no series has.
func byProperty(metric string) string {
	return by("value", spell(of(metric), "value", "$1", "$property", "(.+)"))
}

// singles shows images by their names.
func singles() []line {
	needs := "Needs --inventory.per-image, which is for some thousands of images; empty without."
	called := func(metric string, conditions ...string) string {
		return fmt.Sprintf("* on (%s, id) group_left (name, status, owner) %s", inventory, of(metric, conditions...))
	}
	columns := []column{label("name", "name", nil), label("status", "status", statuses), label("owner", "project", nil), label("id", "id", nil)}
	return []line{side(9,
		table("Largest images", fmt.Sprintf("The %d largest images of each inventory, of those whose size is known. %s", top, needs),
			slices.Concat(columns, []column{number("bytes", "bytes", fmt.Sprintf("topk by (%s) (%d, %s) %s", inventory, top, of("glance_image_size_bytes"), called("glance_image_info")))})...,
		).sorted("bytes", true),
		table("Images longest on their way", fmt.Sprintf("The %d images of each inventory that have been in queued, saving, uploading or importing for longest without a change. Amber from half an hour, red from an hour. %s", top, needs),
			slices.Concat(columns, []column{number("unchanged for", "s", fmt.Sprintf("topk by (%s) (%d, (%s) %s)", inventory, top,
				since(of("glance_image_updated_timestamp_seconds")), called("glance_image_info", `status=~"queued|saving|uploading|importing"`))).late()})...,
		).sorted("unchanged for", true),
	)}
}
