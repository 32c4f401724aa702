// Package bench compares what a scrape costs with what else could read the same
// list. It is a package of its own, of tests alone, because it needs all that
// the rooms of the program keep apart: client/ and collector/, the simulated
// cloud, and gophercloud's own lister.
//
// The list is served by another process, this test's own binary started once
// more, so that the CPU time and the memory of this one are the reader's. It
// answers with bytes that were recorded before, over a loopback connection:
// every reader reads the same answers in the same way.
package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	spec := os.Getenv(servedInput)
	if spec == "" {
		m.Run()
		return
	}
	if err := serveInput(context.Background(), spec); err != nil {
		fmt.Fprintln(os.Stderr, "the benchmark's image service:", err)
	}
}
