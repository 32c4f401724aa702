package main

import (
	"fmt"
	"slices"
)

// The rows below the first screen of the image inventory.

const (
	groups      = "glance_images"
	groupBytes  = "glance_images_size_bytes"
	groupDisks  = "glance_images_virtual_size_bytes"
	needsLabel  = "Needs %s in --inventory.labels, as it is by default; else all is none."
	perEach     = "Each inventory by itself, or all together: the list Show chooses."
	unknownLeft = "Bytes are those of the images whose size is known."
)

// dimension is something that images are told apart by.
type dimension struct {
	title   string
	label   string // of the sums
	needs   string
	colours palette
	sum     func(expr string) string
}

var dimensions = []dimension{
	{"status", "status", fmt.Sprintf(needsLabel, "status"), statuses, func(expr string) string { return by("status", expr) }},
	{"disk format", "disk_format", fmt.Sprintf(needsLabel, "disk_format"), formats, func(expr string) string { return by("disk_format", expr) }},
	{
		"visibility", "visible", "Needs public in --inventory.labels, as it is by default; visibility there tells the others apart: private, shared, community.",
		visibilities, byVisibility,
	},
	{"protection", "protection", fmt.Sprintf(needsLabel, "protected"), protections, byProtection},
}

// byVisibility sums by visibility as far as it is exported, else by public or not.
func byVisibility(expr string) string {
	expr = spell(expr, "visible", "public", "public", "true")
	expr = spell(expr, "visible", "not public", "public", "false")
	expr = spell(expr, "visible", "$1", "visibility", "(public|community|shared|private|other)")
	return by("visible", expr)
}

// byProtection sums by the flag, in words.
func byProtection(expr string) string {
	expr = spell(expr, "protection", "protected", "protected", "true")
	expr = spell(expr, "protection", "unprotected", "protected", "false")
	return by("protection", expr)
}

// composition shows a picture for each dimension, and the numbers beside it.
func composition() []line {
	var lines []line
	for i := 0; i < len(dimensions); i += 2 {
		lines = append(lines, side(8, slices.Concat(dimensions[i].picture(), dimensions[i+1].picture())...))
	}
	return lines
}

func (d dimension) picture() []*panel {
	return []*panel{
		pie("Images by "+d.title, "locale", "The images of now. "+perEach+" "+d.needs, d.colours,
			query{d.sum(of(groups)), "{{" + d.label + "}}" + where}).wide(5),
		table("Numbers by "+d.title, "What the picture beside shows, with its bytes. "+unknownLeft+" How many are missing there is in the last column: by status where that is what is shown, else of the whole inventory. "+d.needs,
			label(d.label, d.title, d.colours),
			number("images", "locale", orNone(d.label, d.sum(of(groups)))),
			number("bytes", "bytes", orNone(d.label, d.sum(of(groupBytes)))),
			number("unknown size", "locale", orNone(d.label, d.unknown())),
		).sorted("images", true).wide(7),
	}
}

// unknown counts images of unknown size: of the status where that is what is shown.
func (d dimension) unknown() string {
	if d.label == "status" {
		return by(d.label, of("glance_images_without_size"))
	}
	return unknownBeside(d.sum(of(groups)))
}

// unknownBeside gives each line the images of unknown size of its whole inventory,
// since no metric tells them by anything but the status.
func unknownBeside(lines string) string {
	return fmt.Sprintf("0 * %s + on (%s) group_left sum by (%s) (%s)", lines, each, each, of("glance_images_without_size"))
}

// growth shows the same over time.
func growth() []line {
	gone := "A group that has vanished is 0 for an hour, and then ends. "
	over := func(title, unit, description, metric string, d dimension) *panel {
		return graph(title, unit, description+gone+perEach+" "+d.needs,
			query{d.sum(vanishing(metric)), "{{" + d.label + "}}" + where}).stacked().coloured(d.colours)
	}
	status, format := dimensions[0], dimensions[1]
	perDay := func(metric string) string { return fmt.Sprintf("deriv(%s[1d]) * %d", of(metric), day) }
	return []line{
		side(9,
			over("Images by status over time", "short", "How many images there were. ", groups, status),
			over("Images by disk format over time", "short", "How many images there were. ", groups, format)),
		side(9,
			over("Bytes by status", "bytes", unknownLeft+" Dashed, at the right: how many are missing. ", groupBytes, status).unknown(),
			over("Bytes by disk format", "bytes", unknownLeft+" Dashed, at the right: how many are missing. ", groupBytes, format).unknown()),
		side(9,
			over("Virtual size by disk format", "bytes", "The disks that the images describe, of those that report one: what an image takes once it is unpacked. Empty where none reports it. Dashed, at the right: images whose own size is not known. ", groupDisks, format).unknown(),
			graph("Growth a day", "bytes", "How fast each inventory grew over the last day: bytes, and images dashed at the right. Below 0 it shrank. With less than a day of data, over what there is.",
				query{perDay(size), "bytes" + where}, query{perDay(images), "images" + where}).signed().override(aside("/^images /", "short")...)),
	}
}

// troubles shows since when and how many.
func troubles() []line {
	oldest := func(statuses string) string {
		return since("min without (public) (" + of("glance_images_oldest_update_timestamp_seconds", `status=~"`+statuses+`"`) + ")")
	}
	many := func(title, description, statuses string) *panel {
		return graph(title, "short", description+" 0 for an hour after the last one has gone. "+perEach+" "+dimensions[0].needs,
			query{by("status", vanishing(groups, `status=~"`+statuses+`"`)), "{{status}}" + where}).coloured(dimensions[0].colours)
	}
	return []line{
		side(9,
			graph("Longest wait", "s", "How long the image that has not changed for longest has been on its way, by status. A line that climbs is an image that is stuck; a saw is traffic. The lines are at an hour, when an upload or import is hardly ever going to end, and at a day for queued.",
				query{oldest("queued|saving|uploading|importing"), "{{status}}" + where}).coloured(statuses).limited(from("transparent", at(hour, bad), at(day, warning))),
			many("Images on their way", "How many images wait for data, or are being given them.", "queued|saving|uploading|importing")),
		side(9,
			graph("Failed imports", "short", "Images of which an import into a store has failed, by the status they are in; only with the Image API v2. They stay until somebody imports them anew or deletes them.",
				query{"sum without (public) (" + of("glance_images_failed_import") + ")", "{{status}}" + where}).coloured(statuses),
			many("Put out of use", "Deactivated by an administrator, killed by a failed upload, or about to be deleted.", "deactivated|killed|pending_delete|deleted")),
		side(9,
			graph("Without protection, checksum or size", "short", "Active images that are public and not protected, have no checksum, or no known size.",
				query{care("unprotected", `public="true"`), "public, unprotected" + where},
				query{care("without_checksum"), "no checksum" + where},
				query{care("without_size"), "unknown size" + where})),
	}
}

func care(what string, conditions ...string) string {
	return "sum without (status, public) (" + of("glance_images_"+what, append([]string{`status="active"`}, conditions...)...) + ")"
}

// stores shows where the data is.
func stores() []line {
	needs := "Only with the Image API v2, where the service names its stores; else there is one line none, and no graph. An image in two stores counts in both."
	in := func(metric string) string { return by("store", of(metric)) }
	return []line{side(8,
		table("Numbers by store", "Images and bytes in each store. "+unknownLeft+" Unknown size: how many are missing there, of the whole inventory. "+needs,
			label("store", "store", nil),
			number("images", "locale", orNone("store", in("glance_store_images"))),
			number("bytes", "bytes", orNone("store", in("glance_store_images_size_bytes"))),
			number("unknown size", "locale", orNone("store", unknownBeside(in("glance_store_images"))))).sorted("bytes", true),
		graph("Images by store", "short", needs, query{of("glance_store_images"), "{{store}}" + where}),
		graph("Bytes by store", "bytes", unknownLeft+" Dashed, at the right: how many are missing in the whole inventory. "+needs,
			query{of("glance_store_images_size_bytes"), "{{store}}" + where}).unknown(),
	)}
}
