# What developers and CI run. "make help" lists it.

GO       ?= go
FUZZTIME ?= 20s
SOAK     ?= 10m
BENCH    ?= .
BIN      := .bin

# What --version, the landing page and glance_exporter_build_info tell.
VERSION    := $(shell cat VERSION)
REVISION   ?= $(shell git rev-parse -q --verify HEAD 2>/dev/null || echo unknown)
BRANCH     ?= $(shell git symbolic-ref -q --short HEAD 2>/dev/null || echo unknown)
BUILD_USER ?= $(shell id -un)@$(shell uname -n)
BUILD_DATE ?= $(shell date -u +%Y%m%d-%H:%M:%S)
INFO       := github.com/prometheus/common/version
LDFLAGS    := -s -w \
	-X $(INFO).Version=$(VERSION) \
	-X $(INFO).Revision=$(REVISION) \
	-X $(INFO).Branch=$(BRANCH) \
	-X $(INFO).BuildUser=$(BUILD_USER) \
	-X $(INFO).BuildDate=$(BUILD_DATE)

LINTER := $(BIN)/golangci-lint

# The packages whose tests know the flag -update.
golden_packages = $$(grep -rl --include='*_test.go' '"update"' . | xargs -n1 dirname | sort -u)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## the static binary ./glance_exporter
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o glance_exporter .

.PHONY: test
test: ## the tests, with the race detector and in random order
	$(GO) test -race -shuffle=on ./...

.PHONY: lint
lint: $(LINTER) ## golangci-lint with the rules of .golangci.yml
	$(LINTER) config verify
	$(LINTER) run ./...
	@! grep -rl --include='*_test.go' 'time\.Sleep' . | xargs -r grep -L '"testing/synctest"' | grep . || \
		{ echo 'these tests sleep, outside testing/synctest'; exit 1; }

.PHONY: fmt
fmt: $(LINTER) ## format the code and sort its imports
	$(LINTER) fmt ./...

.PHONY: tools
tools: $(LINTER) ## the tools pinned in tools/go.mod, built into .bin (minutes, the first time)

# Built here and now, for the versions in tools/go.mod and nothing else on the machine.
$(LINTER): tools/go.mod tools/go.sum
	$(GO) -C tools build -trimpath -o ../$(BIN)/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
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
	rm -rf glance_exporter $(BIN) .build .tarballs
