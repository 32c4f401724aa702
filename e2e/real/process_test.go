//go:build e2e

package real

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A process is a program of the lab with all its children, which are one process
// group. Whoever starts it sees to it that it is stopped; should the tests be
// killed before, its guard kills it.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string // path of what it writes to standard output and error
	guard *exec.Cmd
	ended chan struct{}
}

// startProcess runs a program in the background. Its log is appended to, so that
// a program that is started again keeps it.
func startProcess(t *testing.T, log string, env []string, program string, args ...string) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	name := filepath.Base(program)
	p := &process{name: name, log: log, ended: make(chan struct{})}
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
func (p *process) watch(ctx context.Context, t *testing.T) {
	t.Helper()
	p.guard = exec.CommandContext(ctx, "/bin/sh", "-c", `cat >/dev/null; kill -s KILL -- "-$0"`, strconv.Itoa(p.cmd.Process.Pid))
	p.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := p.guard.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.guard.Start(); err != nil {
		t.Fatal(err)
	}
}

// stop ends the group, as a service manager does: SIGTERM first, SIGKILL for
// what is left. A process that was not started or is stopped already stays so.
func (p *process) stop() {
	if p == nil || p.guard == nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
	_ = syscall.Kill(-p.guard.Process.Pid, syscall.SIGKILL)
	_ = p.guard.Wait()
	p.guard = nil
}

// alive tells whether the program runs still.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// cpu is the processor time that the group has used, children that have ended
// included.
func (p *process) cpu(t *testing.T) time.Duration {
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
		if len(fields) < 15 || fields[2] != strconv.Itoa(p.cmd.Process.Pid) {
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

// run runs a program to its end and gives its standard output.
func run(t *testing.T, env []string, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = env
	out, err := cmd.Output()
	if failed, is := errors.AsType[*exec.ExitError](err); is {
		t.Fatalf("%s %q: %v\n%s", program, args, err, failed.Stderr)
	}
	if err != nil {
		t.Fatalf("%s %q: %v", program, args, err)
	}
	return out
}

// eventually polls until the condition holds.
func eventually(t *testing.T, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// logText gives all that the process has written.
func (p *process) logText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// logTail gives the last lines of a log.
func logTail(path string) string {
	const lines = 12
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
