package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	tokens2 "github.com/gophercloud/gophercloud/v2/openstack/identity/v2/tokens"
	tokens3 "github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// An endpoint is one line of the catalogue.
type endpoint struct {
	service  string // type, such as image
	name     string // interface: public, internal or admin
	region   string
	regionID string
	url      string
}

// newSession takes out of Keystone's answer what the client needs. gophercloud
// lets an answer without token, expiry or catalogue pass; such a login is of no
// use, and is refused here.
func newSession(result gophercloud.AuthResult, began time.Time) (*session, error) {
	var (
		s   *session
		err error
	)
	switch result := result.(type) {
	case tokens3.CreateResult:
		s, err = sessionV3(result, result.Header, began, false)
	case tokens3.GetResult:
		s, err = sessionV3(result, result.Header, began, true)
	case tokens2.CreateResult:
		s, err = sessionV2(result, began)
	default:
		return nil, fmt.Errorf("a login of an unknown kind (%T)", result)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case s.token == "":
		return nil, errors.New("Keystone's answer has no token")
	case len(s.endpoints) == 0:
		return nil, errors.New("Keystone's answer has no catalogue")
	}
	return s, nil
}

// sessionV3 reads a token of Keystone v3. Where the token was there before
// (auth_type token, passed through), its age is unknown and what is left of its
// life is counted from the answer's own Date.
func sessionV3(result interface {
	ExtractTokenID() (string, error)
	ExtractInto(any) error
}, header http.Header, began time.Time, existing bool,
) (*session, error) {
	var body struct {
		IssuedAt  time.Time              `json:"issued_at"`
		ExpiresAt time.Time              `json:"expires_at"`
		Roles     []tokens3.Role         `json:"roles"`
		Catalogue []tokens3.CatalogEntry `json:"catalog"`
	}
	token, err := result.ExtractTokenID()
	if err == nil {
		err = result.ExtractInto(&body)
	}
	if err != nil {
		return nil, errors.New("Keystone's answer is not the JSON of a token")
	}
	if body.ExpiresAt.IsZero() {
		return nil, errors.New("Keystone's answer has no expires_at")
	}
	issued := body.IssuedAt
	if date, err := http.ParseTime(header.Get("Date")); err == nil && (existing || issued.IsZero()) {
		issued = date
	}
	s := &session{token: token, admin: hasAdmin(body.Roles), renewAt: renewal(began, issued, body.ExpiresAt)}
	for _, entry := range body.Catalogue {
		for _, e := range entry.Endpoints {
			s.endpoints = append(s.endpoints, endpoint{entry.Type, e.Interface, e.Region, e.RegionID, e.URL})
		}
	}
	return s, nil
}

// sessionV2 reads a token of Keystone v2.0, which OpenStack dropped in Queens:
// clouds that still offer v1.1 of the image API may still offer it too.
func sessionV2(result tokens2.CreateResult, began time.Time) (*session, error) {
	var body struct {
		Access struct {
			Token struct {
				ID      string    `json:"id"`
				Issued  string    `json:"issued_at"` // 2014-01-30T15:30:58.819584, without a zone
				Expires time.Time `json:"expires"`
			} `json:"token"`
			User struct {
				Roles []tokens3.Role `json:"roles"`
			} `json:"user"`
			Catalogue []tokens2.CatalogEntry `json:"serviceCatalog"`
		} `json:"access"`
	}
	if err := result.ExtractInto(&body); err != nil {
		return nil, errors.New("Keystone's answer is not the JSON of a token")
	}
	token := body.Access.Token
	if token.Expires.IsZero() {
		return nil, errors.New("Keystone's answer has no expires")
	}
	issued, err := time.Parse("2006-01-02T15:04:05", token.Issued)
	if err != nil {
		issued, err = http.ParseTime(result.Header.Get("Date"))
	}
	if err != nil {
		issued = began
	}
	s := &session{
		token:   token.ID,
		admin:   hasAdmin(body.Access.User.Roles),
		renewAt: renewal(began, issued, token.Expires),
	}
	for _, entry := range body.Access.Catalogue {
		for _, e := range entry.Endpoints {
			s.endpoints = append(s.endpoints,
				endpoint{entry.Type, "public", e.Region, "", e.PublicURL},
				endpoint{entry.Type, "internal", e.Region, "", e.InternalURL},
				endpoint{entry.Type, "admin", e.Region, "", e.AdminURL})
		}
	}
	return s, nil
}

// hasAdmin looks for the role to which Glance's default policy shows every
// image.
func hasAdmin(roles []tokens3.Role) Flag {
	return FlagOf(slices.ContainsFunc(roles, func(role tokens3.Role) bool { return role.Name == "admin" }))
}

// renewal gives the moment, on this machine's clock, from which a token is not
// used any more. Only the span between Keystone's two times counts, so neither
// clock needs to be right; a quarter of it, a minute at most, is kept as a
// margin, so that a token of a few seconds can be used at all.
func renewal(began, issued, expires time.Time) time.Time {
	span := expires.Sub(issued)
	return began.Add(span - min(span/4, time.Minute))
}

// imageEndpoint chooses the image service's URL for a region, "" meaning any.
// Where the region is left open and there are several, it takes the first, as
// the openstack client does, and tells how many there were.
func imageEndpoint(endpoints []endpoint, iface, region string) (base *url.URL, found string, regions int, err error) {
	var first *endpoint
	seen := map[string]bool{}
	for i := range endpoints {
		e := &endpoints[i]
		if e.service != "image" || e.name != iface || e.url == "" {
			continue
		}
		if region != "" && e.region != region && e.regionID != region {
			continue
		}
		if first == nil {
			first = e
		}
		seen[e.region] = true
	}
	if first == nil {
		return nil, "", 0, errNoEndpoint
	}
	base, err = url.Parse(first.url)
	if err != nil || !absoluteHTTP(base) {
		return nil, "", 0, errBadEndpoint
	}
	return BaseURL(base), first.region, len(seen), nil
}

var (
	errNoEndpoint  = errors.New("the catalogue has no image endpoint")
	errBadEndpoint = errors.New("the catalogue's image endpoint is no http or https URL")
)

func absoluteHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

var versionSegment = regexp.MustCompile(`/v[0-9]+(\.[0-9]+)?/*$`)

// BaseURL gives an image endpoint's URL without credentials, query, trailing
// slashes and one trailing version segment: the place behind which the paths of
// every version lie. Catalogues hold http://host:9292, .../v1, .../v2.0/ or any
// prefix.
func BaseURL(endpoint *url.URL) *url.URL {
	base := url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: endpoint.Path}
	base.Path = versionSegment.ReplaceAllString(base.Path, "")
	base.Path = strings.TrimRight(base.Path, "/")
	return &base
}
