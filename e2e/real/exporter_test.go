//go:build e2e

package real

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/e2e/harness"
)

// An exporter is the program that is tested, logged in as a user.
type exporter struct{ *harness.Exporter }

// cloudsYAML is the user's clouds.yaml.
func (l *lab) cloudsYAML(u *user) string {
	return fmt.Sprintf(`clouds:
  real:
    auth:
      auth_url: %s
      username: %s
      password: %s
      project_name: %s
      user_domain_name: Default
      project_domain_name: Default
`, l.KeystoneURL(), u.name, u.password, u.project)
}

// startExporter runs the exporter for a user until the test ends.
func (l *lab) startExporter(t *testing.T, u *user, args ...string) exporter {
	t.Helper()
	args = append([]string{"--cloud=real"}, args...)
	if !strings.Contains(strings.Join(args, " "), "--region=") {
		args = append(args, "--region="+regionOwn)
	}
	return exporter{harness.StartExporter(t, l.binary, l.cloudsYAML(u), args...)}
}

func (e exporter) scrape(t *testing.T, timeout time.Duration) harness.Metrics {
	t.Helper()
	return e.Scrape(t, "/metrics", timeout)
}

// logins counts the requests to Keystone with an answer of this status; all for "".
func logins(m harness.Metrics, code string) float64 {
	if code == "" {
		return m.Value("glance_api_requests_total", "operation", "auth")
	}
	return m.Value("glance_api_requests_total", "operation", "auth", "code", code)
}

// holds tells whether an expression that compares has any result.
func holds(t *testing.T, p *harness.Prometheus, expression string) bool {
	t.Helper()
	series, err := p.Query(t.Context(), expression)
	return err == nil && len(series) > 0 // it may be starting
}
