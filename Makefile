# What developers and CI run. "make help" lists it.

GO       ?= go
FUZZTIME ?= 20s
SOAK     ?= 10m
BENCH    ?= .
ARCH     ?= amd64
ARCHS    ?= amd64 arm64 armhf
COMPARE_IMAGES ?= 10000
OPENSTACK_EXPORTER ?=
BIN      := .bin

# What --version, the landing page and glance_exporter_build_info tell. It is the
# commit's, and neither the builder's nor the day's: two builds are identical.
VERSION    := $(shell cat VERSION)
REVISION   ?= $(shell git rev-parse -q --verify HEAD 2>/dev/null || echo unknown)
# A release is built from its tag, which is made on main.
BRANCH     ?= $(shell git symbolic-ref -q --short HEAD 2>/dev/null || { git tag --points-at HEAD 2>/dev/null | grep -qFx 'v$(VERSION)' && echo main; } || echo unknown)
BUILD_USER ?= reproducible
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
# GNU's date, or BSD's.
BUILD_DATE ?= $(shell f=+%Y%m%d-%H:%M:%S; date -u -d @$(SOURCE_DATE_EPOCH) $$f 2>/dev/null || date -u -r $(SOURCE_DATE_EPOCH) $$f)
INFO       := github.com/prometheus/common/version
# A build id would tell flags apart that make no difference.
LDFLAGS    := -s -w -buildid= \
	-X $(INFO).Version=$(VERSION) \
	-X $(INFO).Revision=$(REVISION) \
	-X $(INFO).Branch=$(BRANCH) \
	-X $(INFO).BuildUser=$(BUILD_USER) \
	-X $(INFO).BuildDate=$(BUILD_DATE)
GOBUILD    := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
export SOURCE_DATE_EPOCH REVISION

# Those of .promu.yml, which is what releases are made for.
PLATFORMS   ?= $(shell sed -n '/^ *platforms:/,$$s/^ *- //p' .promu.yml)
# The image's, of Linux.
IMAGE_ARCHS ?= amd64 arm64

# What developers and releases need beside Go, each built at its first use.
TOOLS   := $(BIN)/golangci-lint $(BIN)/actionlint $(BIN)/compose $(BIN)/nfpm $(BIN)/helm $(BIN)/cosign $(BIN)/cyclonedx-gomod
LINTER  := $(BIN)/golangci-lint
NFPM    := $(BIN)/nfpm
HELM    := $(BIN)/helm
COSIGN  := $(BIN)/cosign
SBOM    := $(BIN)/cyclonedx-gomod

# What Debian calls armhf is Go's arm with GOARM=7, armv7 as crossbuild has it.
linux = $(patsubst linux/armhf,linux/armv7,$(1:%=linux/%))

# The packages whose tests know the flag -update.
golden_packages = $$(grep -rl --include='*_test.go' '"update"' . | xargs -n1 dirname | sort -u)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## the static binary ./glance_exporter
	$(GOBUILD) -o glance_exporter .

# As promu has it, armv7 is arm with GOARM=7.
.PHONY: crossbuild
crossbuild: ## static binaries for PLATFORMS (those of .promu.yml), in .build/OS-ARCH
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/} arm= ext=; \
		case $$arch in armv*) arm=$${arch#armv} ;; esac; \
		if [ "$$os" = windows ]; then ext=.exe; fi; \
		echo "$$platform"; \
		GOOS=$$os GOARCH=$${arch%v[567]} GOARM=$$arm $(GOBUILD) -o ".build/$$os-$$arch/glance_exporter$$ext" .; \
	done

.PHONY: tarballs
tarballs: ## .tarballs/ of what make crossbuild has built, with their checksums
	packaging/tarballs $(PLATFORMS)

.PHONY: deb
deb: $(NFPM) ## the Debian package, for ARCH (amd64), in .build
	@$(MAKE) --no-print-directory crossbuild PLATFORMS='$(call linux,$(ARCH))'
	packaging/deb $(ARCH)

.PHONY: image
image: ## the image for IMAGE_ARCHS (amd64 arm64), an archive in .build (needs buildah)
	@$(MAKE) --no-print-directory crossbuild PLATFORMS='$(call linux,$(IMAGE_ARCHS))'
	packaging/image $(IMAGE_ARCHS)

.PHONY: sbom
sbom: $(SBOM) ## the bill of materials of each binary for PLATFORMS, in .build (needs jq)
	@$(MAKE) --no-print-directory crossbuild
	packaging/sbom $(PLATFORMS)

.PHONY: notes
notes: ## print the release notes of VERSION, from CHANGELOG.md
	@packaging/notes

.PHONY: prepare
prepare: ## write the version NEXT into VERSION, CHANGELOG.md, the chart and docs
	@packaging/prepare '$(NEXT)'

.PHONY: tag
tag: ## tag the commit as the release of VERSION; pushes nothing
	@packaging/tag

.PHONY: ready
ready: ## whether a release of this commit could be published to IMAGE_REGISTRY
	@packaging/publish ready

# All that the binaries are built for is built once.
.PHONY: release
release: $(NFPM) $(HELM) $(SBOM) ## all files of a release, in .release, with their checksums
	@$(MAKE) --no-print-directory crossbuild \
		PLATFORMS='$(sort $(PLATFORMS) $(call linux,$(IMAGE_ARCHS) $(ARCHS)))'
	@PLATFORMS='$(PLATFORMS)' ARCHS='$(ARCHS)' IMAGE_ARCHS='$(IMAGE_ARCHS)' packaging/release

.PHONY: sign
sign: $(HELM) $(COSIGN) ## sign the checksums in .release, keyless or with COSIGN_KEY
	@packaging/publish check
	packaging/sign blob .release/sha256sums.txt

.PHONY: publish
publish: $(HELM) $(COSIGN) ## .release to IMAGE_REGISTRY and to the forge (needs skopeo, gh)
	packaging/publish

.PHONY: chart
chart: $(HELM) ## the Helm chart as a package, in .build; with the registry IMAGE_REGISTRY
	IMAGE_REGISTRY='$(IMAGE_REGISTRY)' packaging/chart

.PHONY: test
test: ## the tests, with the race detector and in random order
	$(GO) test -race -shuffle=on ./...

.PHONY: lint
lint: $(LINTER) $(BIN)/actionlint ## golangci-lint with the rules of .golangci.yml, and actionlint
	$(LINTER) config verify
	$(LINTER) run ./...
	$(BIN)/actionlint
	@! grep -rl --include='*_test.go' 'time\.Sleep' . | xargs -r grep -L '"testing/synctest"' | grep . || \
		{ echo 'these tests sleep, outside testing/synctest'; exit 1; }

.PHONY: fmt
fmt: $(LINTER) ## format the code and sort its imports
	$(LINTER) fmt ./...

.PHONY: packages
packages: ## install the Debian packages that CI and releases need (as root)
	.ci/packages

.PHONY: tools
tools: $(TOOLS) ## the tools pinned in tools/, built into .bin (minutes, the first time)

# Built here and now, for the versions in tools/go.mod and nothing else on the machine.
$(BIN)/%: tools/go.mod tools/go.sum
	$(GO) -C tools build -trimpath -ldflags=-s -o ../$(BIN)/ $$($(GO) -C tools list -f '{{.ImportPath}}' tool | grep '/$*$$')
	@touch $@

$(BIN)/actionlint: tools/actionlint/go.mod tools/actionlint/go.sum
	$(GO) -C tools/actionlint build -trimpath -ldflags=-s -o ../../$(BIN)/ tool
	@touch $@

# Its package is called cmd.
$(BIN)/compose: tools/compose/go.mod tools/compose/go.sum
	$(GO) -C tools/compose build -trimpath -ldflags=-s -o ../../$@ tool
	@touch $@

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME (20s)
	@set -e; \
	grep -rho --include='*_test.go' -H '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func / /' | sort | \
	while read -r file target; do \
		echo ">> $$target in $$(dirname "$$file")"; \
		$(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=100x "$$(dirname "$$file")" </dev/null; \
	done

.PHONY: bench
bench: ## the benchmarks that match BENCH (all)
	$(GO) test -run='^$$' -bench='$(BENCH)' -benchmem ./...

.PHONY: performance
performance: ## print the tables of docs/performance.md (minutes; needs GNU time)
	e2e/performance

.PHONY: compare
compare: ## print the tables of docs/comparison.md; OPENSTACK_EXPORTER: a binary of it (needs curl, jq)
	$(GO) test -tags=e2e -count=1 -v -timeout=30m ./e2e/comparison -images=$(COMPARE_IMAGES) \
		$(if $(OPENSTACK_EXPORTER),-openstack-exporter=$(abspath $(OPENSTACK_EXPORTER)))

.PHONY: golden
golden: ## write the golden files anew; look at git diff then
	$(GO) test -count=1 $(golden_packages) -update

.PHONY: dashboards
dashboards: ## write the Grafana dashboards anew, from dashboards/generate
	$(GO) run ./dashboards/generate dashboards

.PHONY: demo
demo: ## serve a simulated cloud's inventory on :10292
	$(GO) run . --demo

# promtool check config reads the rules as Prometheus itself would.
.PHONY: rules
rules: ## the alerts: promtool's checks, and their unit tests
	promtool check rules dashboards/rules/*.yml examples/limits.yml
	printf 'rule_files: ["%s/dashboards/rules/*.yml", "%s/examples/limits.yml"]\n' "$(CURDIR)" "$(CURDIR)" | \
		promtool check config /dev/stdin
	promtool test rules dashboards/rules/tests/*.yml

.PHONY: e2e
e2e: ## the binary, simulated clouds and a real Prometheus (needs prometheus, curl, jq)
	e2e/run
	e2e/probe

.PHONY: walk
walk: ## a fresh clone with an empty module cache, and what README and docs say
	e2e/walk

.PHONY: e2e-build
e2e-build: ## the build: identical twice, small, needs no file, right with go install (as root)
	e2e/build

.PHONY: e2e-image
e2e-image: ## the Dockerfile's image, read-only and without rights (needs buildah; as root)
	e2e/image

.PHONY: e2e-deb
e2e-deb: $(NFPM) ## the Debian package, from lintian to its purge (installs it; as root)
	e2e/deb

.PHONY: e2e-compose
e2e-compose: ## the examples, and their compose file's exporter, Prometheus and Alertmanager
	e2e/compose

.PHONY: e2e-release
e2e-release: $(NFPM) $(HELM) $(COSIGN) $(SBOM) ## a release in a clone, to a registry on loopback (as root)
	e2e/release

.PHONY: e2e-chart
e2e-chart: $(HELM) ## the Helm chart: what it renders, and its pods without a cluster (as root)
	e2e/chart

.PHONY: golden-helm
golden-helm: $(HELM) ## write anew what the chart renders (minutes: builds the Prometheus Operator)
	e2e/chart --update

.PHONY: faults
faults: ## the binary against everything that a list may meet on the wire
	$(GO) test -tags=e2e -count=1 -v ./e2e/faults

.PHONY: queries
queries: ## every query of the dashboards and rules, against a real Prometheus
	$(GO) test -tags=e2e -count=1 -v ./e2e/dashboards

.PHONY: soak
soak: ## the binary, clouds that change and get into trouble, and a real Prometheus, for SOAK (10m)
	$(GO) test -tags=e2e -count=1 -v -timeout=2h ./e2e/soak -soak=$(SOAK)

.PHONY: e2e-real
e2e-real: ## the binary, a real Keystone, Glance and Prometheus, which it installs from Debian 12 (as root)
	e2e/real/install
	$(GO) test -tags=e2e -count=1 -v -timeout=15m ./e2e/real

.PHONY: ci
ci: ## all that CI does
	bash .ci/run

.PHONY: clean
clean: ## remove what was built
	rm -rf glance_exporter $(BIN) .build .tarballs .release
