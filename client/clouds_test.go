package client

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles writes files into a new directory and returns it.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const goodCloud = `
clouds:
  good:
    region_name: RegionOne
    interface: internal
    auth:
      auth_url: https://keystone.example.com:5000/v3
      username: u
      password: s3cret
      project_name: p
      user_domain_name: Default
      project_domain_name: Default
`

func TestCloudsFileIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		clouds string
		secure string
		want   string // part of the error
	}{
		{"an empty file", "", "", "there is no cloud"},
		{"no clouds", "cloud: {}", "", "there is no cloud"},
		{"no YAML", "clouds:\n\tgood: s3cret", "", "line 2: this is not valid YAML"},
		{"an alias of a password that is none", "clouds:\n  good:\n    auth:\n      password: *s3cret", "", "this is not valid YAML"},
		{"clouds that are a list", "clouds:\n- good", "", "line 2: a value has the wrong type"},
		{"another cloud", strings.ReplaceAll(goodCloud, "good", "other"), "", `there is no cloud "good"; it has: other`},
		{"a null cloud", "clouds:\n  good:", "", `cloud "good" has no "auth:" section`},
		{"a cloud without auth", "clouds:\n  good:\n    region_name: r", "", `cloud "good" has no "auth:" section`},
		{"a password that is a list", "clouds:\n  good:\n    auth:\n      password: [s3cret]", "", "line 4: a value has the wrong type"},
		{"verify that is a word", goodCloud + "    verify: s3cret", "", "a value has the wrong type"},
		{"an unknown auth type", goodCloud + "    auth_type: v3oidcpassword", "", `auth_type "v3oidcpassword" is not supported`},
		{"auth type none", goodCloud + "    auth_type: none", "", `auth_type "none" is not supported`},
		{"no auth_url", strings.Replace(goodCloud, "auth_url", "url", 1), "", "auth_url is missing"},
		{"an auth_url that is none", strings.Replace(goodCloud, "https://", "", 1), "", "auth_url must be a URL"},
		{"credentials in auth_url", strings.Replace(goodCloud, "keystone.", "u:s3cret@keystone.", 1), "", "auth_url must not hold"},
		{"no password", strings.Replace(goodCloud, "password:", "pass:", 1), "", "incomplete"},
		{"no user", strings.Replace(goodCloud, "username:", "user:", 1), "", "username, password"},
		{"a CA file that is not there", goodCloud + "    cacert: /no/such/file", "", "/no/such/file"},
		{"a certificate itself in place of its path", goodCloud + "    cacert: |\n      -----BEGIN CERTIFICATE-----\n      s3cret\n", "", "must be paths"},
		{"a key itself in place of its path", goodCloud + "    cert: /dev/null\n    key: s3cret\n", "", "must be paths"},
		{"a key without certificate", goodCloud + "    key: /no/such/file", "", "client cert is missing"},
		{"a secure.yaml with a wrong type", goodCloud, "clouds:\n  good:\n    auth:\n      password: {s3cret: s3cret}", "secure.yaml: line 4: a value has the wrong type"},
		{"a secure.yaml that is no YAML", goodCloud, "clouds: *s3cret", "secure.yaml: this is not valid YAML"},
		{"an empty secure.yaml", goodCloud, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"clouds.yaml": tc.clouds}
			if tc.secure != "" || tc.want == "" {
				files["secure.yaml"] = tc.secure
			}
			dir := writeFiles(t, files)
			path := filepath.Join(dir, "clouds.yaml")
			file, err := ReadCloudsFile(path)
			if err == nil {
				_, err = file.Cloud("good")
			}
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), dir) {
				t.Fatalf("got %v, want %q and the file in it", err, tc.want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error holds a value: %v", err)
			}
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		if _, err := ReadCloudsFile("/no/such/clouds.yaml"); err == nil || !strings.Contains(err.Error(), "/no/such/clouds.yaml") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file that cannot be read", func(t *testing.T) {
		if _, err := ReadCloudsFile(t.TempDir()); err == nil {
			t.Error("a directory was read as a file")
		}
	})
}

func TestCloudsFile(t *testing.T) {
	t.Setenv("OS_REGION_NAME", "elsewhere")
	t.Setenv("OS_INTERFACE", "admin")
	dir := writeFiles(t, map[string]string{
		"clouds.yaml": strings.Replace(goodCloud, "      password: s3cret\n", "", 1) + "  broken:\n",
		"secure.yaml": "clouds:\n  good:\n    auth:\n      password: 0123",
	})
	file, err := ReadCloudsFile(filepath.Join(dir, "clouds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if names := strings.Join(file.Names(), " "); names != "broken good" {
		t.Errorf("the names are %q", names)
	}
	cloud, err := file.Cloud("good")
	if err != nil {
		t.Fatal(err)
	}
	if cloud.auth.Password != "0123" || cloud.Region() != "RegionOne" || cloud.iface != "internal" || cloud.Name() != "good" {
		t.Errorf("got %q, region %q, interface %q", cloud.auth.Password, cloud.Region(), cloud.iface)
	}
}

// As the openstack client has it, the first of several regions is meant unless
// region_name says otherwise.
func TestRegions(t *testing.T) {
	const regions = "    regions: [one, {name: two}]\n"
	without := strings.Replace(goodCloud, "    region_name: RegionOne\n", "", 1)
	for _, tc := range []struct{ name, clouds, region, regions, err string }{
		{"none", without, "", "", ""},
		{"a name", goodCloud, "RegionOne", "", ""},
		{"several", without + regions, "one", "one two", ""},
		{"several and a name", without + regions + "    region_name: two\n", "two", "one two", ""},
		{"a name that is none of them", goodCloud + regions, "", "", `region_name "RegionOne" is not among its regions: one, two`},
		{"one with values of its own", without + "    regions: [{name: two, values: {auth: {project_name: p}}}]\n", "", "", `region "two" has values of its own`},
		{"one without a name", without + "    regions: [{}]\n", "", "", "a region has no name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file, err := ReadCloudsFile(filepath.Join(writeFiles(t, map[string]string{"clouds.yaml": tc.clouds}), "clouds.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			cloud, err := file.Cloud("good")
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil || cloud.Region() != tc.region || strings.Join(cloud.Regions(), " ") != tc.regions {
				t.Errorf("got %v, region %q of %q", err, cloud.Region(), cloud.Regions())
			}
		})
	}
}

// As the openstack client has it, a domain that is left out is the default one.
func TestDomainsThatAreLeftOut(t *testing.T) {
	without := strings.NewReplacer("      user_domain_name: Default\n", "", "      project_domain_name: Default\n", "")
	for content, want := range map[string]string{
		without.Replace(goodCloud):                                   "default",
		without.Replace(goodCloud) + "      default_domain: other\n": "other",
	} {
		dir := writeFiles(t, map[string]string{"clouds.yaml": content})
		file, err := ReadCloudsFile(filepath.Join(dir, "clouds.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		cloud, err := file.Cloud("good")
		if err != nil {
			t.Fatal(err)
		}
		if cloud.auth.DomainID != want || cloud.auth.Scope.DomainID != want {
			t.Errorf("the domains are %q and %q, want %q", cloud.auth.DomainID, cloud.auth.Scope.DomainID, want)
		}
	}
}

func TestIdentityEndpointHasAVersion(t *testing.T) {
	for url, want := range map[string]string{
		"https://k:5000":             "https://k:5000/v3/",
		"https://k:5000/":            "https://k:5000/v3/",
		"https://k:5000/v3":          "https://k:5000/v3/",
		"https://k/identity/v3/":     "https://k/identity/v3/",
		"https://k/identity":         "https://k/identity/v3/",
		"https://k:5000/v2.0":        "https://k:5000/v2.0/",
		"https://iam.example.com/v3": "https://iam.example.com/v3/",
	} {
		dir := writeFiles(t, map[string]string{"clouds.yaml": strings.Replace(goodCloud, "https://keystone.example.com:5000/v3", url, 1)})
		file, err := ReadCloudsFile(filepath.Join(dir, "clouds.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		cloud, err := file.Cloud("good")
		if err != nil {
			t.Fatal(err)
		}
		if got := cloud.identityEndpoint(); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

func TestEnvironmentCloud(t *testing.T) {
	password := Environment{
		"OS_AUTH_URL": "http://k:5000", "OS_USERNAME": "u", "OS_PASSWORD": "s3cret",
		"OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_NAME": "p", "OS_PROJECT_DOMAIN_NAME": "Default",
	}
	with := func(base Environment, more Environment) Environment {
		env := Environment{}
		for _, from := range []Environment{base, more} {
			maps.Copy(env, from)
		}
		return env
	}
	for _, tc := range []struct {
		name string
		env  Environment
		want string // part of the error; "" for none
	}{
		{"a usual openrc", with(password, Environment{
			"OS_PROJECT_ID": "0123", "OS_PROJECT_DOMAIN_ID": "default", "OS_REGION_NAME": "r",
			"OS_INTERFACE": "public", "OS_IDENTITY_API_VERSION": "3",
		}), ""},
		{"an openrc of old", Environment{
			"OS_AUTH_URL": "http://k:5000/v2.0", "OS_USERNAME": "u", "OS_PASSWORD": "x",
			"OS_TENANT_NAME": "p", "OS_DEFAULT_DOMAIN": "default",
		}, ""},
		{"an application credential", Environment{
			"OS_AUTH_TYPE": "v3applicationcredential", "OS_AUTH_URL": "http://k:5000",
			"OS_APPLICATION_CREDENTIAL_ID": "i", "OS_APPLICATION_CREDENTIAL_SECRET": "x",
		}, ""},
		{"a token, with what is left of the password's openrc", Environment{
			"OS_AUTH_TYPE": "token", "OS_AUTH_URL": "http://k:5000", "OS_TOKEN": "t", "OS_PROJECT_ID": "p",
			"OS_USERNAME": "u", "OS_USER_DOMAIN_NAME": "Default",
		}, ""},
		{"system scope", Environment{
			"OS_AUTH_URL": "http://k:5000", "OS_USERNAME": "u", "OS_PASSWORD": "x", "OS_USER_DOMAIN_ID": "default", "OS_SYSTEM_SCOPE": "all",
		}, ""},
		{"no password", with(password, Environment{"OS_PASSWORD": ""}), "incomplete"},
		{"an unknown auth type", with(password, Environment{"OS_AUTH_TYPE": "v3kerberos"}), "v3kerberos"},
		{"a URL that is none", with(password, Environment{"OS_AUTH_URL": "k"}), "auth_url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cloud, err := tc.env.Cloud()
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if cloud.Name() != "envvars" || cloud.Region() != tc.env["OS_REGION_NAME"] {
					t.Errorf("got %s in %q", cloud.Name(), cloud.Region())
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

// gophercloud reads OS_CACERT and its like for every cloud of clouds.yaml.
func TestTakeEnvironmentLeavesNothingForOtherClouds(t *testing.T) {
	for _, key := range []string{"OS_CACERT", "OS_CERT", "OS_KEY"} {
		t.Setenv(key, "/no/such/file")
	}
	env := TakeEnvironment()
	if env["OS_CACERT"] != "/no/such/file" {
		t.Errorf("OS_CACERT is %q", env["OS_CACERT"])
	}
	dir := writeFiles(t, map[string]string{"clouds.yaml": goodCloud})
	file, err := ReadCloudsFile(filepath.Join(dir, "clouds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Cloud("good"); err != nil {
		t.Error(err)
	}
}
