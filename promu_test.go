package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// promuConfig is what promu takes, which refuses any other key.
type promuConfig struct {
	Go struct {
		CGo     bool   `yaml:"cgo"`
		Version string `yaml:"version"`
	} `yaml:"go"`
	Repository struct {
		Path string `yaml:"path"`
	} `yaml:"repository"`
	Build struct {
		Binaries []struct {
			Name string `yaml:"name"`
			Path string `yaml:"path"`
		} `yaml:"binaries"`
		Flags   string `yaml:"flags"`
		LDFlags string `yaml:"ldflags"`
		Static  bool   `yaml:"static"`
	} `yaml:"build"`
	Crossbuild struct {
		Platforms []string `yaml:"platforms"`
	} `yaml:"crossbuild"`
	Tarball struct {
		Files []string `yaml:"files"`
	} `yaml:"tarball"`
}

// promu is not run by the tests: these hold the file to promu's form, and e2e/build
// builds with the flags that promu would take from it.
func TestPromuFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(".promu.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config promuConfig
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&config); err != nil {
		t.Fatal(err)
	}
	if config.Go.CGo || !config.Build.Static {
		t.Error("it does not ask for a static binary")
	}
	if len(config.Build.Binaries) != 1 || config.Build.Binaries[0].Name != program || config.Build.Binaries[0].Path != "." {
		t.Errorf("binaries: %v", config.Build.Binaries)
	}
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for what, pattern := range map[string]string{
		"the module's path": `(?m)^module ` + regexp.QuoteMeta(config.Repository.Path) + `$`,
		"Go's version":      `(?m)^go ` + regexp.QuoteMeta(config.Go.Version) + `(\.\d+)?$`,
	} {
		if !regexp.MustCompile(pattern).Match(module) {
			t.Errorf("%s is not that of go.mod", what)
		}
	}
	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"} {
		if !slices.Contains(config.Crossbuild.Platforms, platform) {
			t.Errorf("it does not build for %s", platform)
		}
	}
	for _, file := range config.Tarball.Files {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("tarball: %v", err)
		}
	}
}
