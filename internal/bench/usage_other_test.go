//go:build !linux

package bench

import "time"

// What only Linux is asked for.

func cpuTime() time.Duration { return 0 }
func resetPeak()             {}
func peakBytes() int64       { return 0 }
