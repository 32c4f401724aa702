// Command simcloud serves a simulated cloud on a loopback port: Keystone, an
// image service, and the truth about its images under /truth?user=NAME&version=v1.1 or v2.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

var kinds = map[string]simcloud.Service{
	"glance":  simcloud.Glance(),
	"strict":  simcloud.StrictVendor(),
	"lenient": simcloud.LenientVendor(),
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "simcloud:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	images := flag.Int("images", 2000, "images that the cloud has")
	seed := flag.Uint64("seed", 1, "what its images are made from")
	kind := flag.String("kind", "glance", "kind of image service: glance, strict or lenient")
	nasty := flag.Bool("nasty", false, "give images names and formats of every nasty kind")
	regions := flag.String("regions", "RegionOne", "regions of the catalogue, separated by commas")
	live := flag.Bool("live", false, "let the cloud change over time")
	speed := flag.Int("speed", 1, "seconds of the cloud's life in each second, from 1 to 3600, with -live")
	failing := flag.Bool("failing", false, "let the image service fail for a moment now and then, with -live")
	stores := flag.Bool("stores", false, "say in which stores the images lie, in v2")
	cloudsFile := flag.String("clouds-file", "", "where to write a clouds.yaml with the clouds admin, member and reader")
	flag.Parse()
	service, ok := kinds[*kind]
	if !ok {
		return fmt.Errorf("-kind: there is no %q", *kind)
	}
	if *speed < 1 || *speed > simcloud.MaxSpeed {
		return fmt.Errorf("-speed: %d must be from 1 to %d", *speed, simcloud.MaxSpeed)
	}
	service.Stores = *stores
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	cloud := simcloud.New(simcloud.Options{
		Seed: *seed, Images: *images, Nasty: *nasty, Lived: *live, Service: service, Regions: strings.Split(*regions, ","),
	})
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	base := "http://" + listener.Addr().String()
	cloud.SetURLs(base+"/identity", base)
	mux := http.NewServeMux()
	mux.Handle("/", cloud.Handler())
	mux.HandleFunc("GET /truth", func(w http.ResponseWriter, r *http.Request) {
		dialect := simcloud.V11
		if r.FormValue("version") == "v2" {
			dialect = simcloud.V2
		}
		truth := cloud.TruthOf(r.FormValue("user"), dialect, func(*simcloud.Image) bool { return true })
		if truth == nil {
			http.Error(w, "there is no such user", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"images": truth.Images, "size_bytes": truth.Size, "groups": len(truth.Groups)})
	})
	server := simcloud.ServeHandler(listener, mux)
	defer func() { _ = server.Close() }()
	if *cloudsFile != "" {
		if err := os.WriteFile(*cloudsFile, cloud.CloudsYAML(), 0o600); err != nil {
			return err
		}
	}
	fmt.Println(base)
	if *live {
		cloud.Live(ctx, simcloud.Pace{Speed: *speed, Failing: *failing})
	}
	<-ctx.Done()
	return nil
}
