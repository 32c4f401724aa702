package main

import (
	"runtime/debug"
	"testing"
)

func TestRevisionWithoutMake(t *testing.T) {
	t.Parallel()
	checkout := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-25T03:33:57Z"}}
	for _, test := range []struct {
		name           string
		build          debug.BuildInfo
		revision, date string
	}{
		{"nothing", debug.BuildInfo{}, unknown, unknown},
		{"a checkout", debug.BuildInfo{Settings: checkout}, "0123456789abcdef", "2026-11-25T03:33:57Z"},
		{
			"a checkout that was changed", debug.BuildInfo{Settings: append(checkout, debug.BuildSetting{Key: "vcs.modified", Value: "true"})},
			"0123456789abcdef-modified", "2026-11-25T03:33:57Z",
		},
		{"go install of a tag", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, unknown, unknown},
		{"of a tag that looks odd", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3-rc.1"}}, unknown, unknown},
		{"of a commit before any tag", debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261125033357-fa283b525d49"}}, "fa283b525d49", unknown},
		{"of a commit after a tag", debug.BuildInfo{Main: debug.Module{Version: "v0.1.1-0.20261125033357-fa283b525d49"}}, "fa283b525d49", unknown},
		{"a development build", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, unknown, unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := revision(&test.build); got != test.revision {
				t.Errorf("revision %q, want %q", got, test.revision)
			}
			if got := buildDate(&test.build); got != test.date {
				t.Errorf("date %q, want %q", got, test.date)
			}
		})
	}
}
