//go:build e2e

// Package real tests the exporter with a real Keystone and a real Glance, from
// Debian's packages, and a real Prometheus. "make e2e-real" runs it.
//
// What judges the exporter here shares no code with it: what must be shown comes
// from Glance's database, by the sqlite3 program.
package real

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// A lab is a cloud of two services on loopback, filled and judged by the tests.
// Its fields are what the services are configured with.
type lab struct {
	Dir            string
	KeystonePort   int
	GlancePort     int
	UWSGIPort      int // of the Glance under uwsgi, which has the same database
	WebPort        int
	TokenSeconds   int
	GlancePassword string

	web      *website
	keystone *harness.Process
	glance   *harness.Process
	uwsgi    *harness.Process
	env      []string // of every program
	binary   string   // the exporter
}

const (
	// Each region has an image service of its own: Glance's own server, and
	// Glance under uwsgi.
	regionOwn   = "RegionOne"
	regionUWSGI = "RegionTwo"

	hour = 3600
)

// KeystoneURL is where users log in.
func (l *lab) KeystoneURL() string { return fmt.Sprintf("http://127.0.0.1:%d/v3", l.KeystonePort) }

func (l *lab) glanceURL() string { return fmt.Sprintf("http://127.0.0.1:%d", l.GlancePort) }

func (l *lab) uwsgiURL() string { return fmt.Sprintf("http://127.0.0.1:%d", l.UWSGIPort) }

func (l *lab) logPath(name string) string { return filepath.Join(l.Dir, "log", name+".log") }

// programs are those that the tests run, beside Go.
var programs = []string{
	"/usr/bin/keystone-manage", "/usr/bin/keystone-wsgi-public", "/usr/bin/glance-manage", "/usr/bin/glance-api",
	"/usr/bin/uwsgi_python3", packagedUWSGI, "/usr/bin/sqlite3", "/usr/bin/qemu-img", "/usr/bin/curl", "/usr/bin/prometheus",
}

// newLab starts the cloud and gives it its users. It ends with the test.
func newLab(t *testing.T) *lab {
	t.Helper()
	for _, program := range programs {
		if _, err := os.Stat(program); err != nil {
			t.Fatalf("%s is not installed: run these tests by \"make e2e-real\", which installs what they need from Debian 12", program)
		}
	}
	l := &lab{Dir: t.TempDir(), TokenSeconds: hour, GlancePassword: rand.Text()}
	// Nothing of the surroundings, such as a proxy or OS_CLOUD, gets through.
	l.env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=" + l.Dir, "TMPDIR=" + l.Dir,
		"OS_KEYSTONE_CONFIG_DIR=" + l.Dir + "/keystone", "OS_GLANCE_CONFIG_DIR=" + l.Dir + "/glance",
	}
	for _, dir := range []string{
		"log", "keystone/fernet-keys", "keystone/credential-keys",
		"glance/fast", "glance/cheap", "glance/staging", "glance/tasks", "glance/lock",
	} {
		if err := os.MkdirAll(filepath.Join(l.Dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		l.uwsgi.Stop()
		l.glance.Stop()
		l.keystone.Stop()
		l.showLogs(t)
	})
	l.web = newWebsite(t)
	l.WebPort = l.web.port
	ports := freePorts(t, 3)
	l.KeystonePort, l.GlancePort, l.UWSGIPort = ports[0], ports[1], ports[2]
	l.writeConfig(t, l.Dir+"/keystone/keystone.conf", keystoneConf)
	l.writeConfig(t, l.Dir+"/glance/glance-api.conf", glanceConf)
	l.copyPaste(t)
	l.writeUWSGI(t, l.Dir+"/glance/uwsgi.ini", fmt.Sprintf("127.0.0.1:%d", l.UWSGIPort))
	for _, dir := range []string{"fernet-keys", "credential-keys"} {
		for _, name := range []string{"0", "1"} { // staged and primary, as keystone-manage fernet_setup makes them
			key := make([]byte, 32)
			_, _ = rand.Read(key) // it never fails
			writeFile(t, filepath.Join(l.Dir, "keystone", dir, name), base64.URLEncoding.EncodeToString(key))
		}
	}
	l.makeDatabases(t)
	l.startKeystone(t, l.TokenSeconds)
	l.startGlance(t)
	l.makeUsers(t)
	return l
}

// makeDatabases makes both at once, since the machine has two cores.
func (l *lab) makeDatabases(t *testing.T) {
	t.Helper()
	glance := harness.Start(t, l.logPath("glance-manage"), l.env, "/usr/bin/glance-manage",
		"--config-file", l.Dir+"/glance/glance-api.conf", "db_sync")
	t.Cleanup(glance.Stop)
	manage := []string{"--config-file", l.Dir + "/keystone/keystone.conf"}
	harness.Run(t, l.env, "/usr/bin/keystone-manage", append(manage, "db_sync")...)
	harness.Run(t, l.env, "/usr/bin/keystone-manage", append(manage, "bootstrap",
		"--bootstrap-username", admin.name, "--bootstrap-password", admin.password, "--bootstrap-project-name", admin.project,
		"--bootstrap-role-name", "admin", "--bootstrap-service-name", "keystone", "--bootstrap-region-id", regionOwn,
		"--bootstrap-public-url", l.KeystoneURL(), "--bootstrap-internal-url", l.KeystoneURL())...)
	glance.Wait()
	for _, name := range []string{"keystone", "glance"} {
		// With SQLite's own journal the workers find the database locked.
		harness.Run(t, l.env, "/usr/bin/sqlite3", fmt.Sprintf("%s/%s/%s.db", l.Dir, name, name), "PRAGMA journal_mode = wal")
	}
}

// startKeystone starts it with tokens that live so many seconds.
func (l *lab) startKeystone(t *testing.T, tokenSeconds int) {
	t.Helper()
	l.TokenSeconds = tokenSeconds
	l.writeConfig(t, l.Dir+"/keystone/keystone.conf", keystoneConf)
	l.keystone = harness.Start(t, l.logPath("keystone"), l.env, "/usr/bin/uwsgi_python3",
		"--http-socket", fmt.Sprintf("127.0.0.1:%d", l.KeystonePort), "--master", "--processes", "2", "--threads", "1",
		"--enable-threads", "--die-on-term", "--no-orphans", "--buffer-size", "65535", "--rem-header", "Content-Length",
		"--listen", "100", "--disable-logging", "--need-app", "--wsgi-file", "/usr/bin/keystone-wsgi-public")
	l.mustAnswer(t, l.keystone, l.KeystoneURL())
}

func (l *lab) startGlance(t *testing.T) {
	t.Helper()
	l.glance = harness.Start(t, l.logPath("glance"), l.env, "/usr/bin/glance-api",
		"--config-file", l.Dir+"/glance/glance-api.conf")
	l.mustAnswer(t, l.glance, l.glanceURL())
}

func (l *lab) startUWSGI(t *testing.T) {
	t.Helper()
	l.uwsgi = harness.Start(t, l.logPath("glance-uwsgi"), l.env, "/usr/bin/uwsgi_python3", "--ini", l.Dir+"/glance/uwsgi.ini")
	l.mustAnswer(t, l.uwsgi, l.uwsgiURL())
}

// mustAnswer waits until a service answers anything.
func (l *lab) mustAnswer(t *testing.T, p *harness.Process, url string) {
	t.Helper()
	harness.Eventually(t, time.Minute, p.Name()+" answers at "+url, func() bool {
		if !p.Alive() {
			t.Fatalf("%s has ended:\n%s", p.Name(), p.LogTail())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := httpClient.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return true
	})
}

// showLogs shows the ends of the services' logs after a failure.
func (l *lab) showLogs(t *testing.T) {
	t.Helper()
	if !t.Failed() {
		return
	}
	logs, _ := filepath.Glob(l.Dir + "/log/*.log") // the pattern is right
	for _, log := range logs {
		t.Logf("the end of %s:\n%s", strings.TrimPrefix(log, l.Dir), harness.Tail(log))
	}
}

// freePorts finds ports of loopback that are free. All are held until the last
// is found, so that they differ.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var (
		ports     []int
		listeners []net.Listener
	)
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, listener)
		ports = append(ports, portOf(t, listener))
	}
	for _, listener := range listeners {
		_ = listener.Close()
	}
	return ports
}

func portOf(t *testing.T, listener net.Listener) int {
	t.Helper()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", listener.Addr())
	}
	return address.Port
}
