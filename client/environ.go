package client

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"go.yaml.in/yaml/v3"
)

var errNoEnvironment = errors.New("OS_AUTH_URL is not set")

// Environment is what the openstack client's variables, OS_*, were set to.
type Environment map[string]string

// TakeEnvironment reads the OS_* variables of the process. OS_CACERT, OS_CERT
// and OS_KEY are taken out of it, because gophercloud would else apply them to
// every cloud of clouds.yaml.
func TakeEnvironment() Environment {
	env := Environment{}
	for _, pair := range os.Environ() {
		if key, value, _ := strings.Cut(pair, "="); strings.HasPrefix(key, "OS_") && value != "" {
			env[key] = value
		}
	}
	for _, key := range []string{"OS_CACERT", "OS_CERT", "OS_KEY"} {
		_ = os.Unsetenv(key) // fails for names that no system accepts
	}
	return env
}

// Set tells whether the environment describes a cloud.
func (e Environment) Set() bool { return e["OS_AUTH_URL"] != "" }

// Cloud gives the settings that an openrc file leaves in the environment, as
// the cloud "envvars".
func (e Environment) Cloud() (*Cloud, error) {
	if !e.Set() {
		return nil, errNoEnvironment
	}
	const name = "envvars"
	entry := e.entry()
	raw, err := yaml.Marshal(clouds.Clouds{Clouds: map[string]clouds.Cloud{name: entry}})
	if err != nil {
		return nil, errors.New("the OS_* variables cannot be read")
	}
	cloud, err := parseCloud(name, entry, []clouds.ParseOption{clouds.WithCloudsYAML(bytes.NewReader(raw))})
	if err != nil {
		return nil, fmt.Errorf("the OS_* variables: %w", err)
	}
	return cloud, nil
}

// entry writes the variables as an entry of clouds.yaml. An openrc often has an
// id beside a name; Keystone takes one of them, and the id cannot be ambiguous.
func (e Environment) entry() clouds.Cloud {
	first := func(keys ...string) string {
		for _, key := range keys {
			if value := e[key]; value != "" {
				return value
			}
		}
		return ""
	}
	unless := func(id, name string) string {
		if id != "" {
			return ""
		}
		return name
	}
	auth := clouds.AuthInfo{
		AuthURL:                     e["OS_AUTH_URL"],
		Token:                       first("OS_TOKEN", "OS_AUTH_TOKEN"),
		UserID:                      e["OS_USER_ID"],
		Password:                    e["OS_PASSWORD"],
		ApplicationCredentialID:     e["OS_APPLICATION_CREDENTIAL_ID"],
		ApplicationCredentialName:   e["OS_APPLICATION_CREDENTIAL_NAME"],
		ApplicationCredentialSecret: e["OS_APPLICATION_CREDENTIAL_SECRET"],
		SystemScope:                 e["OS_SYSTEM_SCOPE"],
		ProjectID:                   first("OS_PROJECT_ID", "OS_TENANT_ID"),
		UserDomainID:                first("OS_USER_DOMAIN_ID", "OS_DEFAULT_DOMAIN_ID"),
		ProjectDomainID:             first("OS_PROJECT_DOMAIN_ID", "OS_DEFAULT_DOMAIN_ID"),
		DomainID:                    e["OS_DOMAIN_ID"],
		TrustID:                     e["OS_TRUST_ID"],
	}
	auth.Username = unless(auth.UserID, first("OS_USERNAME", "OS_USER_NAME"))
	auth.ProjectName = unless(auth.ProjectID, first("OS_PROJECT_NAME", "OS_TENANT_NAME"))
	auth.UserDomainName = unless(auth.UserDomainID, first("OS_USER_DOMAIN_NAME", "OS_DEFAULT_DOMAIN_NAME", "OS_DEFAULT_DOMAIN"))
	auth.ProjectDomainName = unless(auth.ProjectDomainID, first("OS_PROJECT_DOMAIN_NAME", "OS_DEFAULT_DOMAIN_NAME", "OS_DEFAULT_DOMAIN"))
	auth.DomainName = unless(auth.DomainID, e["OS_DOMAIN_NAME"])
	if auth.Token != "" && auth.Password == "" { // a token belongs to its user already
		auth.UserID, auth.Username = "", ""
	}
	if auth.Username == "" { // an id or a token needs no domain, and gophercloud refuses one
		auth.UserDomainID, auth.UserDomainName = "", ""
	}
	entry := clouds.Cloud{
		AuthInfo:       &auth,
		AuthType:       clouds.AuthType(e["OS_AUTH_TYPE"]),
		RegionName:     e["OS_REGION_NAME"],
		Interface:      first("OS_INTERFACE", "OS_ENDPOINT_TYPE"),
		CACertFile:     e["OS_CACERT"],
		ClientCertFile: e["OS_CERT"],
		ClientKeyFile:  e["OS_KEY"],
	}
	if insecure := strings.ToLower(e["OS_INSECURE"]); insecure == "1" || insecure == "true" || insecure == "yes" {
		verify := false
		entry.Verify = &verify
	}
	return entry
}
