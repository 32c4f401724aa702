package main

import "fmt"

// exporterHealth makes the dashboard of the exporter: its reads, its requests, and
// the process.
func exporterHealth() *dashboard {
	// The inventories of /probe and the exporter's own metrics tell of the cloud by a
	// target's label and by one of their own.
	both := `{__name__=~"glance_up|glance_scrapes_total"`
	return &dashboard{
		UID: "glance-exporter-health", Title: "Glance / Exporter health",
		Description: "Whether glance_exporter reads its clouds whole and why not, how long that takes, how the image services answer, and how the process is.",
		Tags:        []string{tag}, SchemaVersion: schemaVersion, Version: 1, Editable: true, GraphTooltip: 1,
		Refresh: "1m", Time: timeRange{"now-6h", "now"}, Timezone: "browser",
		Links: related(), Annotations: object{"list": []object{}},
		Templating: templating{[]variable{
			datasource(),
			values("job", "Job", "glance_up", "Jobs that scrape inventories. It restricts the panels of reads; the exporter's own metrics, which are scraped from /metrics and often by another job, are shown whatever it says."),
			values("instance", "Exporter", both+"}", "Exporters by their address."),
			values("cloud", "Cloud", both+`, instance=~"$instance"}`, "The clouds, by the labels of the targets and by the exporter's own."),
			values("region", "Region", both+`, instance=~"$instance", cloud=~"$cloud"}`, "The regions, by the labels of the targets and by the exporter's own. The exporter's own metrics of a region that nobody asked for by name are always shown."),
			ask("operation", "Operation", "label_values(glance_api_requests_total, operation)", "What the heatmap shows: list, a page of the list; auth, a login; discovery, the search for the service's version.").one("list"),
		}},
		Panels: arrange(
			row{lines: reads()},
			row{title: "More of the reads and the requests", lines: requests()},
			row{title: "Versions and processes", lines: processes()},
		),
	}
}

// perCloud is what tells the series of the exporter's own metrics apart.
const perCloud = inventory

// rate is that of one of the exporter's own counters, in so many seconds: most of
// them count up a few times an hour.
func rate(seconds int, counter, labels string, conditions ...string) string {
	return fmt.Sprintf("%d * sum by (%s, %s) (rate(%s[$__rate_interval]))", seconds, perCloud, labels, own(counter, conditions...))
}

// reads is the first screen.
func reads() []line {
	durations := "glance_api_request_duration_seconds"
	slow := of("glance_scrape_duration_seconds") + " / (" + of("glance_scrape_timeout_seconds") + " > 0)"
	return []line{
		side(9,
			timeline("Is each inventory read whole, and if not, why?",
				"A lane for each target, and one for each reason for which its reads failed within the time that is shown; docs/troubleshooting.md says what to do about each. In a gap the target did not answer, or the reason did not hold.",
				palette{{"failed", bad}, {"whole", good}, {"for this reason", warning}},
				query{of("glance_up"), "{{cloud}} {{region}} {{instance}}"},
				query{"2 * (" + of("glance_scrape_failed") + " == 1)", "{{cloud}} {{region}} {{instance}} {{reason}}"}),
			timeline("Does the exporter answer, and is clouds.yaml good?",
				"Lanes that begin with target: whether Prometheus got an answer; of targets that told of a read, or of the exporter, within a day. Lanes that begin with clouds.yaml: whether the last reload took it over; while it says no, the exporter works with the clouds of before.",
				palette{{"no", bad}, {"yes", good}},
				query{answering(), "target {{job}} {{cloud}} {{region}} {{instance}}"},
				query{exporter("glance_exporter_config_last_reload_successful"), "clouds.yaml {{instance}}"}),
		),
		side(8,
			graph("Read time against its timeout", "percentunit",
				"How much of the time that it had the last read took. Red from 80 %: a slow moment more, and it is given up; give scrapes more time, or read in the background. A read that failed may have ended early. Nothing where a read has no limit.",
				query{slow, "read" + where}).limited(from("transparent", at(.8, bad))),
			graph("Requests a read", "short", "Requests to the image service that the last read made, retries included, logins not: a page of the list each. It follows the number of images; a jump without one is a service that makes pages smaller, or retries.",
				query{of("glance_scrape_requests"), "requests" + where}),
			graph("Errors an hour, by reason", "short", "Reads that failed, and scrapes that ran out of time while the read went on, in an hour at the rate of each moment. In contrast to the lanes above it counts those between two scrapes too. Empty: there was none.",
				query{rate(hour, "glance_scrape_errors_total", "reason") + " > 0", "{{reason}}" + where}).rated().counting().coloured(reasons)),
		side(8,
			graph("API latency by operation", "s", "The time within which 95 % of the requests were answered, up to the last byte. Of list, a Glance takes about a millisecond for each image of a page.",
				query{quantile(.95, perCloud+", operation", durations), "{{operation}}" + where}).rated().coloured(operations),
			heatmap("Spread of the latency of $operation", "s", "How many requests took how long, of all that are selected together: classic buckets, or native ones where Prometheus scrapes only those. The list Operation chooses.",
				durations, `operation="$operation"`),
			graph("Requests a minute, by code", "short", "Answers to searches for the version and to pages of the list, by their code; none is no answer. Logins are below. 401 before a 200 is a token that has run out; 300 is how a service answers that is asked for its versions.",
				query{rate(minute, "glance_api_requests_total", "operation, code", `operation!="auth"`), "{{code}} {{operation}}" + where}).rated().coloured(codes)),
	}
}

// answering is up of the targets that are this exporter's.
func answering() string {
	return fmt.Sprintf("%s and on (job, instance) (last_over_time(%s[1d]) or last_over_time(%s[1d]))",
		own("up"), of("glance_up"), exporter("glance_exporter_build_info"))
}

// exporter selects a metric of the exporter's process.
func exporter(metric string) string { return metric + `{instance=~"$instance"}` }

// process selects a metric that other programs have, too.
func process(metric string) string {
	return exporter(metric) + " and on (job, instance) " + exporter("glance_exporter_build_info")
}

func requests() []line {
	age := since(of("glance_inventory_timestamp_seconds"))
	return []line{
		side(8,
			graph("Reads that were whole", "percentunit", "The share of the scrapes of the last hour that told of a whole inventory, of those that were answered. The line is at 90 %: below it growth and losses cannot be told from holes.",
				query{"avg_over_time(" + of("glance_up") + "[1h])", "whole" + where}).limited(from("transparent", at(.9, bad))),
			graph("Retries an hour, by reason", "short", "Requests that were made again, by the reason why the one before had failed. They save a read, and take its time. Empty: there was none.",
				query{rate(hour, "glance_api_retries_total", "reason") + " > 0", "{{reason}}" + where}).rated().counting().coloured(reasons),
			graph("Logins an hour, by code", "short", "Logins at Keystone by the code of the answer. A token is used until it expires: more than one login an hour and cloud means that tokens are short, or refused. After a refusal the exporter waits 5, 10, then 15 minutes.",
				query{rate(hour, "glance_api_requests_total", "code", `operation="auth"`), "{{code}}" + where}).rated().coloured(codes)),
		side(8,
			graph("Age of the inventory", "s", "Since the read of the inventory that is shown began; dashed: the interval of reads in the background, where there is one. Beyond twice the interval reads fail or are too slow; beyond three times the inventory is given up.",
				query{age, "age" + where},
				query{of("glance_inventory_refresh_interval_seconds") + " > 0", "interval" + where}).override(dashed("/^interval /")...),
			graph("Groups folded into other", "short", "Combinations of label values beyond the limit of groups or of statuses. Red from 1: sums stay exact, but projects, formats and properties are missing by their names. Choose fewer labels, or a higher --inventory.max-groups.",
				query{of("glance_inventory_overflow_groups"), "folded" + where}).limited(from("transparent", at(1, bad)))),
	}
}

func processes() []line {
	return []line{
		side(7,
			newInfo("Image API in use", "Which version of the Image API each cloud is read through, and whether the credentials hold the role admin, without which a part of the images cannot be seen. A cloud is missing until a read has found that out.",
				of("glance_api_info"), label("version", "Image API", nil), label("admin", "admin", palette{{"true", good}, {"false", warning}})),
			newInfo("Exporter in use", "Which version of the exporter runs, what it was built from, and by which Go.",
				exporter("glance_exporter_build_info"), label("version", "version", nil), label("revision", "revision", nil), label("goversion", "Go", nil))),
		side(8,
			graph("Memory", "bytes", "What the process takes of the machine's memory; dashed: of that the heap. It hardly grows with the inventory, but with --inventory.per-image.",
				query{process("process_resident_memory_bytes"), "resident {{instance}}"},
				query{process("go_memstats_heap_inuse_bytes"), "heap {{instance}}"}).override(dashed("/^heap /")...),
			graph("Goroutines", "short", "Things that the exporter does at once. They come and go with scrapes and clouds; a number that only climbs is a fault.",
				query{process("go_goroutines"), "goroutines {{instance}}"}),
			graph("CPU", "percentunit", "Of one core. Most of it is reading JSON.",
				query{fmt.Sprintf("rate(%s[$__rate_interval]) and on (job, instance) %s", exporter("process_cpu_seconds_total"), exporter("glance_exporter_build_info")), "CPU {{instance}}"}).rated(),
			graph("Open files", "percentunit", "Of those that the process may have open, connections included. Red from 80 %: at the limit neither clouds nor Prometheus are reached.",
				query{fmt.Sprintf("process_open_fds{instance=~\"$instance\"} / process_max_fds{instance=~\"$instance\"} and on (job, instance) %s", exporter("glance_exporter_build_info")), "open {{instance}}"}).limited(from("transparent", at(.8, bad)))),
	}
}

// newInfo is a table of the labels of a metric that is always 1.
func newInfo(title, description, expr string, labels ...column) *panel {
	one := number("value", "none", expr)
	one.hidden = true
	return table(title, description, append(labels, one)...)
}

// dashed draws series as dashed lines.
func dashed(pattern string) []override {
	return []override{named(pattern,
		property{"custom.lineStyle", object{"fill": "dash", "dash": []int{6, 6}}},
		property{"custom.fillOpacity", 0})}
}
