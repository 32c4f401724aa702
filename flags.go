package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/glance-exporter/glance_exporter/client"
	"github.com/glance-exporter/glance_exporter/collector"
	"github.com/glance-exporter/glance_exporter/internal/simcloud"
)

// config is what the flags say, and nothing else.
type config struct {
	web           *web.FlagConfig
	telemetryPath string
	maxRequests   int

	enableLifecycle bool

	cloud       string
	cloudsFile  string
	region      string
	probeClouds []string
	demoCloud   *client.Cloud // the simulated one; nil but in demo mode

	imageEndpoint string
	endpoint      *url.URL // imageEndpoint, parsed; nil where there is none
	noAuth        bool
	apiVersion    string
	pageSize      int
	imageFilters  []string
	filters       client.Filters // imageFilters, parsed

	inventoryLabels string
	labels          collector.Labels // inventoryLabels, parsed
	maxGroups       int
	perImage        bool
	refreshInterval time.Duration

	scrapeTimeout time.Duration
	timeoutOffset time.Duration

	once               bool
	configCheck        bool
	autoReloadInterval time.Duration // 0: never
	demo               bool
	demoImages         int
	demoSpeed          int

	logLevel  string
	logFormat string

	given map[string]bool // flags on the command line itself, not in the environment
}

const (
	defaultAddress = ":10292"
	versionAuto    = "auto"
	// maxTimeout bounds a read, whatever Prometheus or a flag says.
	maxTimeout    = 10 * time.Minute
	maxDemoImages = 1_000_000
	// maxMaxGroups is far beyond what a Prometheus wants of one target.
	maxMaxGroups = 1_000_000
	// Of what is done again and again.
	minInterval = time.Second
	maxInterval = 24 * time.Hour
)

// errAnswered is a command line that asked for help or the version, which were
// printed.
var errAnswered = errors.New("answered")

// newApp declares the flags, in the order of --help and of the README.
func newApp(cfg *config) *kingpin.Application {
	app := kingpin.New(program, "Prometheus exporter for the image inventory of OpenStack clouds.")
	app.HelpFlag.Short('h')
	app.Version(version.Print(program))

	cfg.web = kingpinflag.AddFlags(app, defaultAddress)
	app.Flag("web.telemetry-path", "Path of the metrics.").
		Default("/metrics").StringVar(&cfg.telemetryPath)
	app.Flag("web.max-requests", "Metrics requests answered at once; more get 503.").
		Default("40").IntVar(&cfg.maxRequests)
	app.Flag("web.enable-lifecycle", "Read clouds.yaml again on POST /-/reload.").
		BoolVar(&cfg.enableLifecycle)

	app.Flag("cloud", "Cloud of clouds.yaml that /metrics reports on; without it, the OS_* variables of the openstack client, else none.").
		Envar("OS_CLOUD").PlaceHolder("NAME").StringVar(&cfg.cloud)
	app.Flag("clouds-file", "Path of clouds.yaml, with secure.yaml beside it; without it, the openstack client's own search path.").
		Envar("OS_CLIENT_CONFIG_FILE").PlaceHolder("FILE").StringVar(&cfg.cloudsFile)
	app.Flag("region", "Region of the cloud of /metrics, where it has several.").
		Envar("OS_REGION_NAME").PlaceHolder("NAME").StringVar(&cfg.region)

	app.Flag("probe.cloud", "Cloud of clouds.yaml that /probe may be asked for; repeatable; without it, all of them.").
		PlaceHolder("NAME").StringsVar(&cfg.probeClouds)

	app.Flag("image.endpoint", "Image service URL instead of the service catalogue's.").
		PlaceHolder("URL").StringVar(&cfg.imageEndpoint)
	app.Flag("image.no-auth", "Send no token, to a standalone service behind --image.endpoint.").
		BoolVar(&cfg.noAuth)
	app.Flag("image.api-version", "Version of the Image API: auto (v1.1 where the service offers it, else v2), v1.1 or v2.").
		Default(versionAuto).EnumVar(&cfg.apiVersion, append([]string{versionAuto}, client.Versions()...)...)
	app.Flag("image.page-size", "Images asked for in one page of the list.").
		Default("1000").IntVar(&cfg.pageSize)
	app.Flag("image.filter", "Restrict the inventory; repeatable, a key once: "+strings.Join(client.FilterKeys(), ", ")+".").
		PlaceHolder("KEY=VALUE").StringsVar(&cfg.imageFilters)

	app.Flag("inventory.labels", "Labels that the inventory is grouped by, separated by commas: "+
		strings.Join(collector.LabelNames(), ", ")+", and property:KEY for an image property.").
		Default(strings.Join(collector.DefaultLabels().Names(), ",")).StringVar(&cfg.inventoryLabels)
	app.Flag("inventory.max-groups", "Combinations of label values that are kept; the rest is folded into \"other\".").
		Default(strconv.Itoa(collector.DefaultMaxGroups)).IntVar(&cfg.maxGroups)
	app.Flag("inventory.per-image", "Also export one set of series per image.").
		BoolVar(&cfg.perImage)
	app.Flag("inventory.refresh-interval", "Read in the background, this often; 0s: on every scrape.").
		Default("0s").DurationVar(&cfg.refreshInterval)

	app.Flag("scrape.timeout", "Time for reading one inventory where Prometheus announces none.").
		Default("30s").DurationVar(&cfg.scrapeTimeout)
	app.Flag("scrape.timeout-offset", "How much earlier than the time that Prometheus announces to answer.").
		Default("500ms").DurationVar(&cfg.timeoutOffset)

	app.Flag("once", "Read the inventory once, print its metrics, and exit.").
		BoolVar(&cfg.once)
	app.Flag("config.check", "Check flags and clouds.yaml without any network, and exit.").
		BoolVar(&cfg.configCheck)
	app.Flag("config.auto-reload-interval", "Look at clouds.yaml and what it names this often, and read it again when it has changed; 0s: never.").
		Default("0s").DurationVar(&cfg.autoReloadInterval)
	app.Flag("demo", "Serve the inventory of a simulated cloud that changes over time.").
		BoolVar(&cfg.demo)
	app.Flag("demo.images", "Images that the simulated cloud has at first.").
		Default("2000").IntVar(&cfg.demoImages)
	app.Flag("demo.speed", "How much faster than the clock the simulated cloud lives.").
		Default("1").IntVar(&cfg.demoSpeed)

	app.Flag("log.level", "Least severe messages to log: debug, info, warn or error.").
		Default("info").EnumVar(&cfg.logLevel, logLevels...)
	app.Flag("log.format", "Format of log messages: logfmt or json.").
		Default("logfmt").EnumVar(&cfg.logFormat, logFormats...)
	return app
}

// parseFlags reads the command line. Its errors name the flag. What help and
// version print goes to stdout; the error is errAnswered then.
func parseFlags(args []string, stdout io.Writer) (*config, error) {
	cfg := &config{given: map[string]bool{}}
	app := newApp(cfg)
	app.UsageWriter(stdout)
	answered := false
	app.Terminate(func(int) { answered = true })
	for _, flag := range app.Model().Flags {
		clause := app.GetFlag(flag.Name)
		if clause != nil && flag.Name != "help" && flag.Name != "version" {
			clause.SetValue(&namedValue{Value: flag.Value, name: flag.Name})
		}
	}
	parsed, err := app.ParseContext(args)
	if err == nil {
		for _, element := range parsed.Elements {
			if flag, ok := element.Clause.(*kingpin.FlagClause); ok {
				cfg.given[flag.Model().Name] = true
			}
		}
	}
	// What a shell asks to be completed is no command line yet.
	if err == nil || slices.Contains(args, "--completion-bash") {
		_, err = app.Parse(args)
	}
	if answered {
		return nil, errAnswered
	}
	if err != nil {
		return nil, fmt.Errorf("%w; see --help", err)
	}
	return cfg, nil
}

// namedValue makes the errors of a flag's value name the flag and what would be
// right, which kingpin leaves out.
type namedValue struct {
	kingpin.Value
	name string
}

var wanted = map[string]string{
	"*kingpin.durationValue": "a duration with its unit, such as 30s",
	"*kingpin.intValue":      "an integer",
	"*kingpin.boolValue":     "true or false",
}

func (v *namedValue) Set(text string) error {
	err := v.Value.Set(text)
	if err == nil {
		return nil
	}
	if want, ok := wanted[fmt.Sprintf("%T", v.Value)]; ok {
		return fmt.Errorf("--%s: %q is not %s", v.name, text, want)
	}
	return fmt.Errorf("--%s: %w", v.name, err)
}

// IsBoolFlag, IsCumulative and Reset are those of the value behind.
func (v *namedValue) IsBoolFlag() bool {
	value, ok := v.Value.(interface{ IsBoolFlag() bool })
	return ok && value.IsBoolFlag()
}

// IsCumulative tells whether the flag may be given several times.
func (v *namedValue) IsCumulative() bool {
	value, ok := v.Value.(interface{ IsCumulative() bool })
	return ok && value.IsCumulative()
}

// Reset empties a value that collects.
func (v *namedValue) Reset() {
	if value, ok := v.Value.(interface{ Reset() }); ok {
		value.Reset()
	}
}

// validate checks what the flags' types leave open. The error names the flag
// and says what would be right.
func (cfg *config) validate() error {
	return firstOf(
		cfg.validateWeb,
		cfg.validateImage,
		cfg.validateInventory,
		cfg.validateScrape,
		cfg.validateConfig,
		cfg.validateDemo,
	)
}

func firstOf(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (cfg *config) validateWeb() error {
	for _, address := range *cfg.web.WebListenAddresses {
		if err := validAddress(address); err != nil {
			return fmt.Errorf("--web.listen-address: %q: %w", address, err)
		}
	}
	if !strings.HasPrefix(cfg.telemetryPath, "/") || slices.Contains(ownPaths, cfg.telemetryPath) || strings.HasPrefix(cfg.telemetryPath, downloadsPath) ||
		strings.ContainsAny(cfg.telemetryPath, " {}?#%\\") || path.Clean(cfg.telemetryPath) != cfg.telemetryPath {
		return fmt.Errorf("--web.telemetry-path: %q is not a path of its own, such as /metrics", cfg.telemetryPath)
	}
	if cfg.maxRequests < 1 {
		return fmt.Errorf("--web.max-requests: %d must be at least 1", cfg.maxRequests)
	}
	if err := web.Validate(*cfg.web.WebConfigFile); err != nil {
		// The library quotes what it could not read, which may be a password.
		text := quoted.ReplaceAllString(err.Error(), "a value")
		return fmt.Errorf("--web.config.file: %s: %s", *cfg.web.WebConfigFile, text)
	}
	return nil
}

var quoted = regexp.MustCompile("`[^`]*`")

func validAddress(address string) error {
	if port, ok := strings.CutPrefix(address, "vsock://:"); ok {
		return validPort(port, 1<<32-1)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("want an address such as :10292 or [::1]:10292")
	}
	return validPort(port, 1<<16-1)
}

func validPort(port string, highest uint64) error {
	if n, err := strconv.ParseUint(port, 10, 64); err != nil || n > highest {
		return fmt.Errorf("the port must be a number from 0 to %d", highest)
	}
	return nil
}

func (cfg *config) validateImage() error {
	if cfg.pageSize < 1 {
		return fmt.Errorf("--image.page-size: %d must be at least 1", cfg.pageSize)
	}
	var err error
	if cfg.filters, err = client.ParseFilters(cfg.imageFilters); err != nil {
		return fmt.Errorf("--image.filter: %w", err)
	}
	if cfg.noAuth && cfg.imageEndpoint == "" {
		return errors.New("--image.no-auth: needs the service's URL in --image.endpoint")
	}
	if cfg.noAuth && cfg.given["cloud"] {
		return errors.New("--image.no-auth: needs no cloud to log into; leave out --cloud")
	}
	if cfg.noAuth && len(cfg.probeClouds) > 0 {
		return errors.New("--image.no-auth: there is no cloud to log into on /probe; leave out --probe.cloud")
	}
	if cfg.imageEndpoint == "" {
		return nil
	}
	endpoint, err := url.Parse(cfg.imageEndpoint)
	switch {
	case err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https":
		return errors.New("--image.endpoint: want an http or https URL such as https://image.example.com:9292")
	case endpoint.User != nil:
		return errors.New("--image.endpoint: the URL must not hold a user or password; credentials belong into clouds.yaml")
	case endpoint.RawQuery != "" || endpoint.Fragment != "":
		return errors.New("--image.endpoint: the URL must not have a query or fragment")
	}
	cfg.endpoint = endpoint
	return nil
}

func (cfg *config) validateInventory() error {
	var err error
	names := strings.Split(cfg.inventoryLabels, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	if cfg.labels, err = collector.ParseLabels(names); err != nil {
		return fmt.Errorf("--inventory.labels: %w", err)
	}
	if cfg.maxGroups < 1 || cfg.maxGroups > maxMaxGroups {
		return fmt.Errorf("--inventory.max-groups: %d must be from 1 to %d", cfg.maxGroups, maxMaxGroups)
	}
	return validInterval("inventory.refresh-interval", cfg.refreshInterval)
}

// validInterval checks the value of a flag that says how often something is done.
func validInterval(flag string, interval time.Duration) error {
	if interval != 0 && (interval < minInterval || interval > maxInterval) {
		return fmt.Errorf("--%s: %s must be 0s, or from %s to %s", flag, interval, minInterval, maxInterval)
	}
	return nil
}

func (cfg *config) validateConfig() error {
	return validInterval("config.auto-reload-interval", cfg.autoReloadInterval)
}

func (cfg *config) validateScrape() error {
	if cfg.scrapeTimeout <= 0 || cfg.scrapeTimeout > maxTimeout {
		return fmt.Errorf("--scrape.timeout: %s must be above 0s and at most %s", cfg.scrapeTimeout, maxTimeout)
	}
	if cfg.timeoutOffset < 0 {
		return fmt.Errorf("--scrape.timeout-offset: %s must not be below 0s", cfg.timeoutOffset)
	}
	return nil
}

func (cfg *config) validateDemo() error {
	if cfg.demoImages < 1 || cfg.demoImages > maxDemoImages {
		return fmt.Errorf("--demo.images: %d must be from 1 to %d", cfg.demoImages, maxDemoImages)
	}
	if cfg.demoSpeed < 1 || cfg.demoSpeed > simcloud.MaxSpeed {
		return fmt.Errorf("--demo.speed: %d must be from 1 to %d", cfg.demoSpeed, simcloud.MaxSpeed)
	}
	for _, flag := range []string{"cloud", "clouds-file", "region", "probe.cloud", "image.endpoint", "image.no-auth"} {
		if cfg.demo && cfg.given[flag] {
			return fmt.Errorf("--demo: brings a cloud of its own; leave out --%s", flag)
		}
	}
	return nil
}

// version is the one that the client shall speak, "" for what it finds. The
// simulated cloud offers both, and shows more of itself through the later one.
func (cfg *config) version() string {
	switch {
	case cfg.apiVersion != versionAuto:
		return cfg.apiVersion
	case cfg.demo:
		return client.VersionV2
	default:
		return ""
	}
}

// oneLine folds a message that a library spread over several lines.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
