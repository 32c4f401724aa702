package main

import (
	_ "embed"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/prometheus/common/version"
)

// released is the version that this source was released as, or will be.
//
//go:embed VERSION
var released string

const unknown = "unknown"

// pseudoVersion is the end of what Go calls a commit without a tag: its time and
// the beginning of its hash.
var pseudoVersion = regexp.MustCompile(`[-.]\d{14}-([0-9a-f]{12})(\+[0-9A-Za-z.-]+)?$`)

// completeVersion fills in what only make tells the linker, for a program that
// "go build" or "go install" made.
func completeVersion() {
	if version.Version != "" {
		return
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	version.Version = strings.TrimSpace(released)
	version.Revision = revision(build)
	version.Branch, version.BuildUser, version.BuildDate = unknown, unknown, buildDate(build)
}

// revision is the commit of a build in a checkout, or of one that "go install"
// made of a commit without a tag. A tag is told by the version alone.
func revision(build *debug.BuildInfo) string {
	if hash := setting(build, "vcs.revision"); hash != "" {
		if setting(build, "vcs.modified") == "true" {
			hash += "-modified"
		}
		return hash
	}
	if match := pseudoVersion.FindStringSubmatch(build.Main.Version); match != nil {
		return match[1]
	}
	return unknown
}

// buildDate is the commit's, as make has it: a program does not change with the
// day on which it is built.
func buildDate(build *debug.BuildInfo) string {
	if date := setting(build, "vcs.time"); date != "" {
		return date
	}
	return unknown
}

func setting(build *debug.BuildInfo, key string) string {
	for _, s := range build.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
