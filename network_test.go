package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// A certificate is one for a server, and what there is to know about it.
type testCertificate struct {
	host  net.IP
	until time.Time
}

// write writes the certificate and its key as cert.pem and key.pem into a folder,
// and gives it, to serve with and to be trusted.
func (c testCertificate) write(t *testing.T, dir string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{c.host},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: c.until,
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	for name, content := range map[string][]byte{"cert.pem": certPEM, "key.pem": keyPEM} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return pair, pool
}

// Clouds that cannot be reached are told with the reason connection, each in its
// own words, at Keystone and at the image service, and harm no other.
func TestCloudsThatCannotBeReached(t *testing.T) {
	clearEnvironment(t)
	here, elsewhere := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 1)
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-24*time.Hour)
	right := testCertificate{here, tomorrow}
	for _, tc := range []struct {
		name     string
		keystone testCertificate
		trusted  bool
		image    string // in place of the cloud's own
		says     string // part of the log line; "" where all is well
		final    bool   // not tried again
	}{
		{"a CA given as cacert", right, true, "", "", false},
		{"an unknown CA", right, false, "", "unknown authority", true},
		{"a certificate that has expired", testCertificate{here, yesterday}, true, "", "expired", true},
		{"a certificate of another host", testCertificate{elsewhere, tomorrow}, true, "", "127.0.0.1", true},
		{"an image service that nobody knows", right, true, "http://no.such.host.invalid", "no.such.host.invalid", false},
		{"an image service that is not there", right, true, "http://127.0.0.1:1", "refused", false},
		{"an image service without TLS", right, true, "https", "HTTP response to HTTPS client", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			pair, _ := tc.keystone.write(t, dir)
			cloud := simcloud.New(simcloud.Options{Images: 20})
			keystone := listen(t)
			plain := listen(t)
			server := &http.Server{
				Handler: cloud.Handler(), ReadHeaderTimeout: time.Second,
				TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}, ErrorLog: log.New(io.Discard, "", 0),
			}
			go func() { _ = server.ServeTLS(keystone, "", "") }()
			defer server.Close()
			image := simcloud.ServeHandler(plain, cloud.GlanceHandler())
			defer image.Close()
			base := "https://" + keystone.Addr().String()
			switch tc.image {
			case "":
				cloud.SetURLs(base+"/identity", base)
			case "https":
				cloud.SetURLs(base+"/identity", "https://"+plain.Addr().String())
			default:
				cloud.SetURLs(base+"/identity", tc.image)
			}
			var lines []string
			if tc.trusted {
				lines = append(lines, "cacert: "+filepath.Join(dir, "cert.pem"))
			}
			other := serveCloud(t, simcloud.Options{Images: 10})
			writeClouds(t, entry("cloud", cloud, "admin", "adminpw", lines...), entry("other", other, "admin", "adminpw"))
			p := start(t, "--scrape.timeout=2s")
			mustBeTrue(t, p.probe("cloud=other"), other.Truth("admin"))
			families := p.probe("cloud=cloud")
			mustBeTrue(t, p.probe("cloud=other"), other.Truth("admin"))
			if tc.says == "" {
				mustBeTrue(t, families, cloud.Truth("admin"))
				return
			}
			mustShow(t, families, 0, "glance_up")
			mustShow(t, families, 1, "glance_scrape_failed", "reason", "connection")
			if !strings.Contains(p.log.String(), tc.says) {
				t.Errorf("%q is not in the log: %s", tc.says, p.log)
			}
			if retries, _ := sum(p.scrape(), "glance_api_retries_total", "cloud", "cloud"); (retries == 0) != tc.final {
				t.Errorf("it was tried again %v times", retries)
			}
		})
	}
}
