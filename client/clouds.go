package client

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"go.yaml.in/yaml/v3"
)

// A Cloud holds the settings by which one cloud is logged into. It never
// changes. The zero value is of no use: see [CloudsFile.Cloud],
// [Environment.Cloud] and [Standalone].
type Cloud struct {
	name    string
	region  string   // "" means any
	regions []string // nil where the settings name none

	authURL *url.URL // nil: no login at all
	auth    gophercloud.AuthOptions
	iface   string // public, internal or admin
	tls     *tls.Config
}

// Name is the cloud's name as metrics tell it.
func (c *Cloud) Name() string { return c.name }

// Named gives the same settings under another name.
func (c *Cloud) Named(name string) *Cloud {
	named := *c
	named.name = name
	return &named
}

// Region is the region that is meant where none is asked for: that of
// region_name or OS_REGION_NAME, else the first of [Cloud.Regions], as the
// openstack client has it, and "" for the first of the catalogue.
func (c *Cloud) Region() string { return c.region }

// Regions lists the regions that the cloud may be asked for, in the order of
// clouds.yaml; nil where it names none, and the catalogue tells.
func (c *Cloud) Regions() []string { return slices.Clone(c.regions) }

// Equal tells whether two clouds are the same in name and all settings, the
// contents of their certificate files included.
func (c *Cloud) Equal(other *Cloud) bool {
	return c.name == other.name && c.region == other.region && slices.Equal(c.regions, other.regions) && c.iface == other.iface &&
		reflect.DeepEqual(c.auth, other.auth) && reflect.DeepEqual(c.authURL, other.authURL) && equalTLS(c.tls, other.tls)
}

func equalTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.InsecureSkipVerify == b.InsecureSkipVerify && a.RootCAs.Equal(b.RootCAs) &&
		slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
			return reflect.DeepEqual(a.Certificate, b.Certificate) && reflect.DeepEqual(a.PrivateKey, b.PrivateKey)
		})
}

func (c *Cloud) anonymous() bool { return c.authURL == nil }

// Standalone is a service without Keystone: no request carries a token.
func Standalone() *Cloud { return &Cloud{name: "endpoint"} }

// identityEndpoint gives Keystone's URL with its version. gophercloud would
// look for the version in a document whose links, behind a proxy, lead
// elsewhere; Keystone has had its third version under /v3 from the start.
func (c *Cloud) identityEndpoint() string {
	path := strings.TrimRight(c.authURL.Path, "/")
	if !strings.HasSuffix(path, "/v3") && !strings.HasSuffix(path, "/v2.0") {
		path += "/v3"
	}
	u := *c.authURL
	u.Path = path + "/"
	return u.String()
}

// A CloudsFile is a clouds.yaml, with the secure.yaml beside it, as it was read
// once. It never changes.
type CloudsFile struct {
	path    string
	raw     []byte
	entries map[string]clouds.Cloud

	securePath    string
	secureRaw     []byte // nil: there is none
	secureEntries map[string]clouds.Cloud
}

// ReadCloudsFile reads clouds.yaml at path. The errors name the file and, where
// there is one, the line; they never hold a value, which might be a password.
func ReadCloudsFile(path string) (*CloudsFile, error) {
	f := &CloudsFile{path: path, securePath: filepath.Join(filepath.Dir(path), "secure.yaml")}
	var err error
	if f.raw, f.entries, err = readClouds(path); err != nil {
		return nil, err
	}
	if len(f.entries) == 0 {
		return nil, fmt.Errorf(`%s: there is no cloud under "clouds:"`, path)
	}
	f.secureRaw, f.secureEntries, err = readClouds(f.securePath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(f.secureEntries) == 0 {
		f.secureRaw = nil // gophercloud takes an empty file for an error
	}
	return f, nil
}

func readClouds(path string) ([]byte, map[string]clouds.Cloud, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err // names the file already
	}
	var file clouds.Clouds
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return nil, nil, yamlError(path, err)
	}
	return raw, file.Clouds, nil
}

var yamlLine = regexp.MustCompile(`line [0-9]+`)

// yamlError tells where a file is wrong. The parser's own message would quote
// what stands there.
func yamlError(path string, err error) error {
	where := path
	if line := yamlLine.FindString(err.Error()); line != "" {
		where += ": " + line
	}
	if _, ok := errors.AsType[*yaml.TypeError](err); ok {
		return fmt.Errorf("%s: a value has the wrong type", where)
	}
	return fmt.Errorf("%s: this is not valid YAML", where)
}

// FindCloudsFile looks for clouds.yaml where the openstack client does: in the
// working directory, the user's configuration directory and /etc/openstack.
// It returns "" where there is none.
func FindCloudsFile() string {
	config := os.Getenv("XDG_CONFIG_HOME")
	if home, err := os.UserHomeDir(); config == "" && err == nil {
		config = filepath.Join(home, ".config")
	}
	for _, dir := range []string{".", filepath.Join(config, "openstack"), "/etc/openstack"} {
		path := filepath.Join(dir, "clouds.yaml")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// Path is the file's path as it was given.
func (f *CloudsFile) Path() string { return f.path }

// Names lists the clouds of the file in alphabetical order.
func (f *CloudsFile) Names() []string { return slices.Sorted(maps.Keys(f.entries)) }

// Cloud gives the settings of the cloud name. Of the environment nothing is
// taken.
//
// The error names the file, the cloud and what is wrong, and of values only those
// of auth_type, regions and paths.
func (f *CloudsFile) Cloud(name string) (*Cloud, error) {
	entry, ok := f.entries[name]
	if !ok {
		return nil, fmt.Errorf("%s: there is no cloud %q; it has: %s", f.path, name, strings.Join(f.Names(), ", "))
	}
	secure := f.secureEntries[name]
	if entry.AuthInfo == nil && secure.AuthInfo == nil {
		return nil, fmt.Errorf(`%s: cloud %q has no "auth:" section`, f.path, name)
	}
	options := []clouds.ParseOption{clouds.WithCloudsYAML(bytes.NewReader(f.raw))}
	if f.secureRaw != nil {
		options = append(options, clouds.WithSecureYAML(bytes.NewReader(f.secureRaw)))
	}
	cloud, err := parseCloud(name, entry, options)
	if err != nil {
		return nil, fmt.Errorf("%s: cloud %q: %w", f.path, name, err)
	}
	return cloud, nil
}

// authTypes lists the values of auth_type that gophercloud can log in by; it
// would take any other for one of them. The entry's other fields decide which.
var authTypes = map[clouds.AuthType]bool{
	"":                                 true,
	clouds.AuthPassword:                true,
	clouds.AuthToken:                   true,
	clouds.AuthV2Password:              true,
	clouds.AuthV2Token:                 true,
	clouds.AuthV3Password:              true,
	clouds.AuthV3Token:                 true,
	clouds.AuthV3ApplicationCredential: true,
}

// parseCloud has gophercloud read an entry, and checks what it would only
// notice at the login. Region and interface are always passed on, since it
// would else take them from OS_REGION_NAME and OS_INTERFACE for every cloud.
func parseCloud(name string, entry clouds.Cloud, options []clouds.ParseOption) (*Cloud, error) {
	if !authTypes[entry.AuthType] {
		return nil, fmt.Errorf("auth_type %q is not supported; password, token and v3applicationcredential are", entry.AuthType)
	}
	regions, err := regionNames(entry)
	if err != nil {
		return nil, err
	}
	auth, where, config, err := clouds.Parse(append(options,
		clouds.WithCloudName(name), clouds.WithRegion(""), clouds.WithEndpointType(""))...)
	if err != nil {
		var mistyped *yaml.TypeError
		if errors.As(err, &mistyped) || strings.Contains(err.Error(), "yaml:") || strings.Contains(err.Error(), "json:") {
			return nil, errors.New("a value has the wrong type")
		}
		if unreadable, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, fileError(unreadable)
		}
		return nil, err
	}
	completeDomains(&auth, entry)
	c := &Cloud{name: name, region: where.Region, regions: regions, auth: auth, iface: string(where.Availability), tls: config}
	c.authURL, err = url.Parse(auth.IdentityEndpoint)
	switch {
	case auth.IdentityEndpoint == "":
		return nil, errors.New("auth_url is missing")
	case err != nil || !absoluteHTTP(c.authURL):
		return nil, errors.New("auth_url must be a URL such as https://keystone.example.com:5000/v3")
	case c.authURL.User != nil:
		return nil, errors.New("auth_url must not hold a user or password")
	}
	if c.region == "" && len(regions) > 0 {
		c.region = regions[0]
	}
	if err := checkAuth(auth); err != nil {
		return nil, err
	}
	return c, nil
}

// regionNames gives the regions that an entry names. The openstack client lets
// each of them have settings of its own, which gophercloud leaves out.
func regionNames(entry clouds.Cloud) ([]string, error) {
	var names []string
	for _, region := range entry.Regions {
		switch {
		case region.Name == "":
			return nil, errors.New("a region has no name")
		case !reflect.DeepEqual(region.Values, clouds.Cloud{}):
			return nil, fmt.Errorf("region %q has values of its own, which is not supported; write them as a cloud of its own", region.Name)
		}
		names = append(names, region.Name)
	}
	if entry.RegionName != "" && len(names) > 0 && !slices.Contains(names, entry.RegionName) {
		return nil, fmt.Errorf("region_name %q is not among its regions: %s", entry.RegionName, strings.Join(names, ", "))
	}
	return names, nil
}

// fileError says which file of cacert, cert or key cannot be read. What does not
// look like a path is not shown: it may be the key itself, put there by mistake.
func fileError(err *fs.PathError) error {
	const longest = 255
	if !filepath.IsAbs(err.Path) || len(err.Path) > longest || strings.ContainsFunc(err.Path, unicode.IsControl) {
		return fmt.Errorf("cacert, cert and key must be paths of files: %w", err.Err)
	}
	return err
}

// completeDomains adds the domains that an entry leaves out, as the openstack
// client does: that of default_domain, or the one whose id is "default".
func completeDomains(auth *gophercloud.AuthOptions, entry clouds.Cloud) {
	domain := "default"
	if entry.AuthInfo != nil && entry.AuthInfo.DefaultDomain != "" {
		domain = entry.AuthInfo.DefaultDomain
	}
	if auth.Username != "" && auth.DomainID == "" && auth.DomainName == "" {
		auth.DomainID = domain
	}
	if scope := auth.Scope; scope != nil && scope.ProjectName != "" && scope.DomainID == "" && scope.DomainName == "" {
		scope.DomainID = domain
	}
}

// checkAuth has gophercloud make the login's request, to see whether the
// settings suffice. Its errors name settings, not their values.
func checkAuth(auth gophercloud.AuthOptions) error {
	if auth.TokenID != "" && auth.Scope == nil || strings.HasSuffix(strings.TrimRight(auth.IdentityEndpoint, "/"), "/v2.0") {
		return nil // the token is used as it is; and Keystone v2.0 knows no domains
	}
	scope, err := auth.ToTokenV3ScopeMap()
	if err == nil {
		_, err = auth.ToTokenV3CreateMap(scope)
	}
	if err != nil {
		return fmt.Errorf("the login's settings are incomplete; a password login has username, password, user_domain_name, project_name and project_domain_name (%s)",
			strings.Join(strings.Fields(err.Error()), " "))
	}
	return nil
}
