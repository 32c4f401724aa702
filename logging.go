package main

import (
	"io"
	stdlog "log"
	"log/slog"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggokit "github.com/tjhop/slog-gokit"
)

var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"logfmt", "json"}
)

// newLogger makes the one logger of the program, for our own code and, as a
// slog.Logger, for libraries that want one. What goes to the standard library's
// logger ends there too.
func newLogger(levelName, format string, w io.Writer) (log.Logger, *slog.Logger) {
	var bare log.Logger
	if format == "json" {
		bare = log.NewJSONLogger(log.NewSyncWriter(w))
	} else {
		bare = log.NewLogfmtLogger(log.NewSyncWriter(w))
	}
	bare = level.NewFilter(bare, level.Allow(level.ParseDefault(levelName, level.InfoValue())))
	stdlog.SetFlags(0)
	stdlog.SetOutput(log.NewStdlibAdapter(level.Warn(stamped(bare))))
	// slog brings a time and a level of its own.
	return stamped(bare), slog.New(sloggokit.NewGoKitHandler(bare, slogLevels[levelName]))
}

var slogLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func stamped(logger log.Logger) log.Logger { return log.With(logger, "ts", log.DefaultTimestampUTC) }
