package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Versions gives the versions of the API that [Config.Version] may name.
func Versions() []string {
	names := make([]string, len(dialects))
	for i, d := range dialects {
		names[i] = d.version
	}
	return names
}

// speak chooses the dialect, and reads the list in it. Where the service does
// not tell what it speaks, the list itself is tried.
func (r *read) speak() error {
	candidates, err := r.candidates()
	if err != nil {
		return err
	}
	var failures []error
	for _, d := range candidates {
		r.dialect = d
		r.decoder = newDecoder(d, r.client.config.Properties)
		err := d.walk(r)
		if err == nil {
			r.lessons.dialect = d
		}
		if err == nil || len(candidates) == 1 {
			r.info.Version = d.version
		}
		if err == nil || len(candidates) == 1 || !r.unspoken(err) {
			return err
		}
		failures = append(failures, err)
		r.forget()
	}
	// A refusal says more than that there is nothing at the other path.
	for _, err := range failures {
		if asError(err).Reason != ReasonNotFound {
			return err
		}
	}
	return failures[len(failures)-1]
}

// unspoken tells whether an error to a walk's first request may mean that the
// service does not speak the dialect. A 400 means that it does.
func (r *read) unspoken(err error) bool {
	failure := asError(err)
	if failure == nil || failure.Op != OpList || r.info.Pages > 0 {
		return false
	}
	switch failure.Reason {
	case ReasonNotFound, ReasonForbidden:
		return true
	case ReasonBadRequest, ReasonServerError:
		return failure.Status == http.StatusMethodNotAllowed || failure.Status == http.StatusNotImplemented
	case ReasonDecode:
		return failure.Final // a proxy's page, with status 200
	default:
		return false
	}
}

// candidates gives the dialects to try, the best one first.
func (r *read) candidates() ([]*dialect, error) {
	if r.client.config.Version != "" {
		i := slices.Index(Versions(), r.client.config.Version)
		return dialects[i : i+1], nil
	}
	if r.lessons.dialect != nil {
		return []*dialect{r.lessons.dialect}, nil
	}
	// What another version of the service has taught does not hold any more.
	r.lessons = lessons{stale: r.lessons.stale, toldRegions: r.lessons.toldRegions}
	ids, err := r.versions()
	if err != nil {
		return nil, err
	}
	if ids == nil {
		return dialects, nil
	}
	var offered []*dialect
	for _, d := range dialects {
		if slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, d.prefix) }) {
			offered = append(offered, d)
		}
	}
	switch {
	case len(offered) == 0:
		return nil, &Error{
			Reason: ReasonNotFound, Final: true, Op: OpDiscovery, URL: redact(r.base),
			Err: fmt.Errorf("the service offers none of %s", strings.Join(Versions(), ", ")),
		}
	case len(offered) > 1:
		r.client.config.Trace.Notice("the service offers a later version of the API, too, which shows more",
			"in_use", offered[0].version, "offered", offered[1].version)
	}
	return offered[:1], nil
}

// maxVersions bounds the version document: Glance's has 4 KiB.
const maxVersions = 256 << 10

// versions asks for the version document and gives the ids in it, nil where the
// service has none. Its links are of no use: they repeat the request's Host, or
// a scheme that a proxy has hidden.
func (r *read) versions() (ids []string, err error) {
	err = r.get(OpDiscovery, "/", nil, func(body io.Reader) error {
		var document struct {
			Versions []struct{ ID string }
		}
		raw, err := io.ReadAll(io.LimitReader(body, maxVersions))
		if err != nil {
			return &Error{Reason: ReasonConnection, Err: err}
		}
		if json.Unmarshal(raw, &document) != nil {
			return errNoVersions
		}
		for _, version := range document.Versions {
			ids = append(ids, version.ID)
		}
		return nil
	})
	failure := asError(err)
	switch {
	case err == nil, errors.Is(err, errNoVersions):
		return ids, nil
	case failure != nil && failure.Op == OpDiscovery && failure.Final && (failure.Status != 0 || misled(err)):
		return nil, nil // whoever answers there, it is not the version document
	default:
		return nil, err
	}
}

var errNoVersions = errors.New("this is not the version document")
