package main

import (
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rootsVariable makes the test's binary print how many authorities it trusts:
// what a process takes for the system's roots is settled once.
const rootsVariable = "GLANCE_EXPORTER_TEST_ROOTS"

func TestRoots(t *testing.T) {
	if os.Getenv(rootsVariable) != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("roots: %d", len(pool.Subjects())) //nolint:staticcheck // this pool is the very one that lacks nothing
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE counts where roots are files")
	}
	t.Parallel()
	empty := t.TempDir()
	if n := roots(t, filepath.Join(empty, "none"), filepath.Join(empty, "none")); n < 100 {
		t.Errorf("%d authorities where the system has none, want those that are built in", n)
	}
	testCertificate{net.IPv4(127, 0, 0, 1), time.Now().Add(time.Hour)}.write(t, empty)
	own := filepath.Join(empty, "cert.pem")
	if n := roots(t, own, filepath.Join(empty, "none")); n != 1 {
		t.Errorf("%d authorities beside one of the system, want that alone", n)
	}
}

func roots(t *testing.T, file, directory string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRoots$", "-test.v")
	cmd.Env = append(os.Environ(), rootsVariable+"=1", "SSL_CERT_FILE="+file, "SSL_CERT_DIR="+directory)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, after, _ := strings.Cut(string(out), "roots: ")
	n, err := strconv.Atoi(strings.Fields(after + " -")[0])
	if err != nil {
		t.Fatalf("%v in: %s", err, out)
	}
	return n
}
