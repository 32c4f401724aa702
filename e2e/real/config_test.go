//go:build e2e

package real

import (
	"os"
	"strings"
	"testing"
	"text/template"
)

// The configuration of the services, from the fields of a lab. It is what the
// packages install but for places, ports and what is commented here.

const keystoneConf = `
[DEFAULT]
log_file = {{.Dir}}/log/keystone-app.log
[database]
connection = sqlite:///{{.Dir}}/keystone/keystone.db
sqlite_synchronous = false
[token]
provider = fernet
expiration = {{.TokenSeconds}}
[fernet_tokens]
key_repository = {{.Dir}}/keystone/fernet-keys
[fernet_receipts]
key_repository = {{.Dir}}/keystone/fernet-keys
[credential]
key_repository = {{.Dir}}/keystone/credential-keys
[cache]
# Without a cache each validated token costs two hundred queries. The revocations
# of tokens are cached too, by each worker for itself: not for long here.
enabled = true
backend = dogpile.cache.memory
expiration_time = 2
[identity]
# The cheapest hash: what it takes to log in is no subject here.
password_hash_rounds = 4
`

const glanceConf = `
[DEFAULT]
bind_host = 127.0.0.1
bind_port = {{.GlancePort}}
workers = 2
log_file = {{.Dir}}/log/glance-app.log
node_staging_uri = file://{{.Dir}}/glance/staging/
worker_self_reference_url = http://127.0.0.1:{{.GlancePort}}
transport_url = fake://
enabled_import_methods = [glance-direct,web-download,copy-image]
enabled_backends = fast:file, cheap:file
[database]
connection = sqlite:///{{.Dir}}/glance/glance.db
sqlite_synchronous = false
[keystone_authtoken]
www_authenticate_uri = {{.KeystoneURL}}
auth_url = {{.KeystoneURL}}
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = glance
password = {{.GlancePassword}}
service_token_roles_required = true
[paste_deploy]
flavor = keystone
config_file = {{.Dir}}/glance/glance-api-paste.ini
[oslo_concurrency]
lock_path = {{.Dir}}/glance/lock
[oslo_messaging_notifications]
driver = noop
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {{.Dir}}/glance/fast/
[cheap]
filesystem_store_datadir = {{.Dir}}/glance/cheap/
[os_glance_staging_store]
filesystem_store_datadir = {{.Dir}}/glance/staging/
[os_glance_tasks_store]
filesystem_store_datadir = {{.Dir}}/glance/tasks/
[import_filtering_opts]
# Where the images lie that are imported by web-download. Loopback is refused
# unless it is named.
allowed_hosts = [127.0.0.1]
allowed_ports = [{{.WebPort}}]
`

// packagedUWSGI is the packaged set-up of Glance under uwsgi. It closes the
// connection after each answer, whose length it does not tell.
const packagedUWSGI = "/etc/glance/glance-api-uwsgi.ini"

// writeConfig writes a file of the lab from its template.
func (l *lab) writeConfig(t *testing.T, path, text string) {
	t.Helper()
	var filled strings.Builder
	if err := template.Must(template.New(path).Parse(text)).Execute(&filled, l); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, filled.String())
}

// writeUWSGI writes Debian's own set-up of Glance under uwsgi with the lab's
// places and fewer processes, and with the user left as he is.
func (l *lab) writeUWSGI(t *testing.T, path, socket string) {
	t.Helper()
	packaged, err := os.ReadFile(packagedUWSGI)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(packaged)) {
		key, _, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(key) {
		case "logto", "paste-logger", "uid", "gid", "chdir", "processes", "threads":
		default:
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	lines = append(lines, "chdir = "+l.Dir+"/glance", "processes = 1", "threads = 8", "disable-logging = true",
		"http-socket = "+socket, "")
	writeFile(t, path, strings.Join(lines, "\n"))
}

// copyPaste puts the packaged pipelines beside the configuration, where Glance
// under uwsgi insists on them.
func (l *lab) copyPaste(t *testing.T) {
	t.Helper()
	packaged, err := os.ReadFile("/etc/glance/glance-api-paste.ini")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, l.Dir+"/glance/glance-api-paste.ini", string(packaged))
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
