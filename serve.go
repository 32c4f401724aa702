package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// drainTimeout is longer than any scrape that can be under way.
	drainTimeout = maxTimeout + writeTimeout
)

// serve listens on every address until ctx ends, and then answers the requests
// that are under way. It returns an error when it could not listen.
//
// Each address has a server of its own: exporter-toolkit sets up TLS and basic
// auth by changing the server, which would be a data race between two addresses
// that share one.
func serve(ctx context.Context, cfg *config, handler http.Handler, slogger *slog.Logger) error {
	listeners, err := listenerFuncs(cfg, slogger)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, listen := range listeners {
		server := &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: headerTimeout,
			IdleTimeout:       idleTimeout,
			ErrorLog:          slog.NewLogLogger(slogger.Handler(), slog.LevelWarn),
		}
		group.Go(func() error {
			if err := listen(server); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
			defer cancel()
			return server.Shutdown(drain)
		})
	}
	return group.Wait()
}

// listenerFuncs gives, for each socket, how to serve on it.
func listenerFuncs(cfg *config, slogger *slog.Logger) ([]func(*http.Server) error, error) {
	var serves []func(*http.Server) error
	if cfg.web.WebSystemdSocket != nil && *cfg.web.WebSystemdSocket {
		sockets, err := activation.Listeners()
		if err != nil || len(sockets) == 0 {
			return nil, errors.New("--web.systemd-socket: systemd has passed no socket")
		}
		for _, socket := range sockets {
			serves = append(serves, func(server *http.Server) error { return serveSocket(socket, server, cfg, slogger) })
		}
		return serves, nil
	}
	for _, address := range *cfg.web.WebListenAddresses {
		one := *cfg.web
		one.WebListenAddresses = &[]string{address}
		serves = append(serves, func(server *http.Server) error {
			if err := web.ListenAndServe(server, &one, slogger); err != nil {
				return fmt.Errorf("--web.listen-address: %q: %w", address, err)
			}
			return nil
		})
	}
	return serves, nil
}

func serveSocket(socket net.Listener, server *http.Server, cfg *config, slogger *slog.Logger) error {
	if err := web.Serve(socket, server, cfg.web, slogger); err != nil {
		return fmt.Errorf("--web.systemd-socket: %s: %w", socket.Addr(), err)
	}
	return nil
}
