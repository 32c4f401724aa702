//go:build e2e

// Package harness runs the programs that the end-to-end tests are about: the
// exporter as it is built, services beside it, and a Prometheus.
package harness

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Process is a program that was started, with all its children, which are one
// process group. Should the tests be killed before they stop it, its guard kills
// it.
type Process struct {
	Log string // path of what it writes to standard output and error

	cmd   *exec.Cmd
	guard *exec.Cmd
	ended chan struct{}
}

// Start runs a program in the background until Stop is called. The log is
// appended to, so that a program that is started again keeps it; its folder is
// where the program runs. A nil env means this process's own.
func Start(t *testing.T, log string, env []string, program string, args ...string) *Process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }() // the program has its own
	p := &Process{Log: log, ended: make(chan struct{})}
	ctx := context.WithoutCancel(t.Context()) // a service may outlive the test that starts it again
	p.cmd = exec.CommandContext(ctx, program, args...)
	p.cmd.Env, p.cmd.Dir = env, filepath.Dir(log)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.ended)
	}()
	p.watch(ctx, t)
	return p
}

// watch starts the guard: a shell that waits for the end of its standard input,
// which comes when this process dies without a cleanup, as on a test's timeout,
// and then kills the group.
func (p *Process) watch(ctx context.Context, t *testing.T) {
	t.Helper()
	p.guard = exec.CommandContext(ctx, "/bin/sh", "-c", `cat >/dev/null; kill -KILL -- "-$0"`, strconv.Itoa(p.PID()))
	p.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := p.guard.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.guard.Start(); err != nil {
		t.Fatal(err)
	}
}

// PID is the process's id, which is that of its group, too.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Name is the program's, without its path.
func (p *Process) Name() string { return filepath.Base(p.cmd.Path) }

// Wait waits until the program ends by itself.
func (p *Process) Wait() { <-p.ended }

// Signal sends a signal to the process, not to its children.
func (p *Process) Signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the group, as a service manager does: SIGTERM first, SIGKILL for
// what is left. A process that was not started or is stopped already stays so.
func (p *Process) Stop() {
	if p == nil || p.guard == nil {
		return
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.ended
	_ = syscall.Kill(-p.guard.Process.Pid, syscall.SIGKILL)
	_ = p.guard.Wait()
	p.guard = nil
}

// Alive tells whether the program runs still.
func (p *Process) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// LogText is all that it has written so far.
func (p *Process) LogText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(p.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// LogTail gives the last lines of it.
func (p *Process) LogTail() string { return Tail(p.Log) }

// Tail gives the last lines of a file.
func Tail(path string) string {
	const lines = 12
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// CPU is the processor time that the group has used, children that have ended
// included.
func (p *Process) CPU(t *testing.T) time.Duration {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var ticks int64
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// The name, in parentheses, may hold anything; the state is the field behind it.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 15 || fields[2] != strconv.Itoa(p.PID()) {
			continue
		}
		for _, field := range fields[11:15] { // utime, stime, cutime, cstime
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			ticks += n
		}
	}
	const ticksPerSecond = 100 // USER_HZ, which Linux never changed
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

var peak = regexp.MustCompile(`(?m)^VmHWM:\s*([0-9]+) kB$`)

// PeakMemory is the largest resident set that the process had so far, in bytes.
func (p *Process) PeakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	found := peak.FindSubmatch(text)
	if found == nil {
		t.Fatalf("there is no VmHWM in %s", text)
	}
	kib, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// Run runs a program to its end and gives its standard output.
func Run(t *testing.T, env []string, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = env
	out, err := cmd.Output()
	if err != nil {
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%s %q: %v\n%s", program, args, err, failed.Stderr)
		}
		t.Fatalf("%s %q: %v", program, args, err)
	}
	return out
}

// Eventually polls until the condition holds.
func Eventually(t *testing.T, within time.Duration, what string, condition func() bool) {
	t.Helper()
	if !Within(within, condition) {
		t.Fatalf("not within %s: %s", within, what)
	}
}

// Within polls until the condition holds, and tells whether it did in time.
func Within(limit time.Duration, condition func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		}
	}
	return true
}
