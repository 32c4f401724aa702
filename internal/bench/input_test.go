package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// servedInput is the environment variable that makes this binary the image
// service, for a dialect and a number of images such as "v2 1000".
const servedInput = "GLANCE_BENCH_INPUT"

// pageSize is the exporter's own default, and the most that Glance gives.
const pageSize = 1000

// An input is a list of images, recorded: the answers to a walk through it.
type input struct {
	URIs    []string `json:"uris"`   // of the answers, in the order of the walk
	Images  int      `json:"images"` // on all of them
	Bytes   int      `json:"bytes"`
	answers map[answerKey][]byte
}

// answerKey tells the answers of one dialect apart, whatever else a reader asks
// for.
type answerKey struct{ hidden, marker string }

func keyOf(query url.Values) answerKey { return answerKey{query.Get("os_hidden"), query.Get("marker")} }

// record walks through a simulated Glance as the exporter does: v1.1 by markers
// until a page is empty, v2 by the links of its pages, hidden images apart.
func record(ctx context.Context, dialect string, images int) (*input, error) {
	cloud := simcloud.New(simcloud.Options{Seed: 1, Images: images, Service: simcloud.Service{Stores: true}})
	handler := cloud.Handler()
	login := `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":"` +
		simcloud.AdminPassword + `"}}},"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}`
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodPost, "/identity/v3/auth/tokens", strings.NewReader(login)))
	token := answer.Header().Get("X-Subject-Token")
	if token == "" {
		return nil, fmt.Errorf("the simulated Keystone answers %d: %s", answer.Code, answer.Body)
	}

	in := &input{answers: map[answerKey][]byte{}}
	limit := "limit=" + strconv.Itoa(pageSize)
	starts := []string{"/v1.1/images/detail?is_public=None&" + limit}
	if dialect == client.VersionV2 {
		start := "/v2/images?visibility=all&member_status=all&" + limit
		starts = []string{start, start + "&os_hidden=true"}
	}
	for _, start := range starts {
		for uri := start; uri != ""; {
			request := httptest.NewRequestWithContext(ctx, http.MethodGet, uri, http.NoBody)
			request.Header.Set("X-Auth-Token", token)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			var page struct {
				Images []struct {
					ID string `json:"id"`
				} `json:"images"`
				Next string `json:"next"`
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil || answer.Code != http.StatusOK {
				return nil, fmt.Errorf("%s: the simulated Glance answers %d: %w", uri, answer.Code, err)
			}
			in.URIs = append(in.URIs, uri)
			in.Images += len(page.Images)
			in.Bytes += answer.Body.Len()
			in.answers[keyOf(request.URL.Query())] = bytes.Clone(answer.Body.Bytes())
			switch {
			case dialect == client.VersionV2:
				uri = page.Next
			case len(page.Images) > 0:
				uri = start + "&marker=" + page.Images[len(page.Images)-1].ID
			default:
				uri = ""
			}
		}
	}
	return in, nil
}

// ServeHTTP gives the recorded answers, and at the root what there is of them.
func (in *input) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/" {
		if err := json.NewEncoder(w).Encode(in); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		return
	}
	body, ok := in.answers[keyOf(r.URL.Query())]
	if !ok {
		http.Error(w, "nothing was recorded for this", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// serveInput is the other process: it tells its address on standard output, and
// serves until standard input ends, as it does when this process dies.
func serveInput(ctx context.Context, spec string) error {
	dialect, count, _ := strings.Cut(spec, " ")
	images, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	in, err := record(ctx, dialect, images)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer simcloud.ServeHandler(listener, in).Close()
	if _, err := fmt.Fprintln(os.Stdout, "http://"+listener.Addr().String()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// startInput starts the image service of an input in a process of its own,
// which ends with the benchmark. It gives what the input holds, and the base URL
// of the service.
func startInput(b *testing.B, dialect string, images int) (*input, *url.URL) {
	b.Helper()
	program, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	service := exec.CommandContext(b.Context(), program)
	service.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", servedInput, dialect, images))
	service.Stderr = os.Stderr
	stop, err := service.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	told, err := service.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := service.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stop.Close()
		_ = service.Wait()
	})
	address, err := bufio.NewReader(told).ReadString('\n')
	if err != nil {
		b.Fatal("the image service did not start: ", err)
	}
	base, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		b.Fatal(err)
	}
	in := &input{}
	if err := get(b.Context(), newHTTPClient(b), base, "/", func(body io.Reader) error { return json.NewDecoder(body).Decode(in) }); err != nil {
		b.Fatal(err)
	}
	return in, base
}
