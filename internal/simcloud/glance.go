package simcloud

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// GlanceHandler gives the image service, below the prefix.
func (c *Cloud) GlanceHandler() http.Handler {
	mux := http.NewServeMux()
	list := c.faulty("list", c.serveList(func(s *Service) bool { return s.NoV11 }, c.answerV11, writeV11))
	for _, version := range []string{"v1", "v1.0", "v1.1"} { // one application under three names
		mux.Handle("GET /"+version+"/images/detail", list)
		mux.HandleFunc("GET /"+version+"/images/detail/", func(w http.ResponseWriter, r *http.Request) {
			c.imageError(w, r, http.StatusNotFound, "The resource could not be found.")
		})
	}
	mux.Handle("GET /v2/images", c.faulty("list", c.serveList(func(s *Service) bool { return s.NoV2 }, c.answerV2, writeV2)))
	mux.HandleFunc("GET /v2/images/", func(w http.ResponseWriter, r *http.Request) {
		c.imageError(w, r, http.StatusNotFound, "The resource could not be found.")
	})
	mux.Handle("GET /", c.faulty("discovery", http.HandlerFunc(c.serveVersions)))
	if c.options.Prefix == "" {
		return mux
	}
	return http.StripPrefix(c.options.Prefix, mux)
}

// serveList answers requests for the list in one version of the API: answer makes
// the body, write sends it, and off tells whether the service has dropped the
// version.
func (c *Cloud) serveList(
	off func(*Service) bool,
	answer func(viewer, url.Values) ([]byte, *refusal),
	write func(http.ResponseWriter, *http.Request, Service, []byte),
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := c.identify(w, r)
		if !ok {
			return
		}
		c.mu.Lock()
		service := c.options.Service
		if off(&service) {
			c.mu.Unlock()
			c.serveVersions(w, r)
			return
		}
		body, refused := answer(who, r.URL.Query())
		c.mu.Unlock()
		if refused != nil {
			c.imageError(w, r, refused.status, refused.message)
			return
		}
		requestID(w)
		w.Header().Set("Content-Type", "application/json")
		write(w, r, service, body)
	}
}

func writeV11(w http.ResponseWriter, _ *http.Request, _ Service, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func writeV2(w http.ResponseWriter, r *http.Request, service Service, body []byte) {
	switch {
	case service.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, _ = zip.Write(body)
		_ = zip.Close()
		w.Header().Set("Content-Encoding", "gzip")
		body = packed.Bytes()
	case service.NoLength: // as uwsgi does it
		w.Header().Set("Connection", "close")
		w.Header().Set("Transfer-Encoding", "identity")
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	_, _ = w.Write(body)
}

// serveVersions answers the root, and any path that no version serves: with 300
// and the list of versions, never with 404.
func (c *Cloud) serveVersions(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	service, base := c.options.Service, c.image
	c.mu.Unlock()
	if service.NoVersions {
		http.NotFound(w, r)
		return
	}
	status := http.StatusMultipleChoices
	if r.URL.Path == "/versions" {
		status = http.StatusOK
	}
	var versions []object
	entry := func(id, status, path string) {
		versions = append(versions, object{"id": id, "status": status, "links": []object{{"rel": "self", "href": base + path}}})
	}
	if !service.NoV2 {
		entry("v2.6", "CURRENT", "/v2/")
		entry("v2.0", "SUPPORTED", "/v2/")
	}
	if !service.NoV11 {
		entry("v1.1", "DEPRECATED", "/v1/")
		entry("v1.0", "DEPRECATED", "/v1/")
	}
	writeJSON(w, status, object{"versions": versions})
}

// viewer is who asks for a list.
type viewer struct {
	project string
	admin   bool
}

// sees tells whether an image is shown to somebody by default, which for an
// administrator too means public, own and shared ones.
func (v viewer) sees(img *Image) bool {
	switch {
	case img.Visibility == "public", img.Owner != nil && *img.Owner == v.project:
		return true
	case img.Visibility == "shared":
		_, member := img.Members[v.project]
		return member
	}
	return false
}

// identify finds out who asks. It answers the request itself if that fails.
func (c *Cloud) identify(w http.ResponseWriter, r *http.Request) (viewer, bool) {
	c.mu.Lock()
	t := c.valid(r.Header.Get("X-Auth-Token"))
	keystone := c.keystone
	c.mu.Unlock()
	if t == nil {
		w.Header().Set("Www-Authenticate", fmt.Sprintf("Keystone uri=%q", keystone+"/v3"))
		writeJSON(w, http.StatusUnauthorized, object{"error": object{
			"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication.",
		}})
		return viewer{}, false
	}
	return viewer{t.project, t.admin()}, true
}

// imageError answers with an error as Glance words it, in the form that the
// request accepts.
func (c *Cloud) imageError(w http.ResponseWriter, r *http.Request, status int, message string) {
	title := http.StatusText(status)
	code := fmt.Sprintf("%d %s", status, title)
	requestID(w)
	switch accept := r.Header.Get("Accept"); {
	case strings.Contains(accept, "application/json"):
		writeJSON(w, status, object{"message": message + "<br /><br />\n\n\n", "code": code, "title": title})
	case accept == "*/*" || strings.Contains(accept, "text/html"):
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n  %s<br /><br />\n\n\n\n </body>\n</html>", code, code, html.EscapeString(message))
	default:
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s\n\n%s\n\n   ", code, message)
	}
}
