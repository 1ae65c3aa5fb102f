# Everything that a checkout needs, one target each. What is installed goes to the user's cache, once.

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
GO ?= go
# What `make run` reads and how; for example DIR=my-objects ARGS=--no-sim
DIR ?= examples/quickstart
ARGS ?=
# Seconds for each fuzz target.
FUZZ_SECONDS ?= 300

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sidegate
TARGET := $(or $(CARGO_TARGET_DIR),target)
DENY := $(CACHE)/tools/bin/cargo-deny
DENY_VERSION := 0.20.2
FUZZ := $(or $(shell command -v cargo-fuzz),$(CACHE)/tools/bin/cargo-fuzz)

# The API server of the tests. The name of its directory is a digest of what it is built from, as tests/kube reads it.
KUBE_SOURCES := $(addprefix tests/kube/,go.mod go.sum main.go)
KUBE := $(CACHE)/kube/$(shell cat $(KUBE_SOURCES) | sha256sum | cut -c1-16)
KUBE_VERSION := $(shell awk '$$1 == "k8s.io/kubernetes" {print $$2; exit}' tests/kube/go.mod)
KUBE_MINOR := $(word 2,$(subst ., ,$(KUBE_VERSION)))

# Prometheus and promtool, of which the tests start their own: PROMETHEUS, else the one in PATH, else Debian's.
PROM := $(CACHE)/prometheus

# What the sidecar is trained by, and with what.
PROFILED := $(abspath $(TARGET))/profiled
TRAINING := call,call-tls,call-traced,call-128k,paced,paced-usage,burst
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
PROFDATA = $(shell rustc --print sysroot)/lib/rustlib/$(HOST)/bin/llvm-profdata

# Tests are run from their package's folder: a folder of recorded calls is found from anywhere.
ifneq ($(SIDEGATE_WIRE_CORPUS),)
export SIDEGATE_WIRE_CORPUS := $(abspath $(SIDEGATE_WIRE_CORPUS))
endif

# Both classes are chosen from one build of the whole workspace, so that nothing is built twice.
TESTS := $(CARGO) test --locked --workspace
named = $(patsubst %,--test %,$(sort $(basename $(notdir $(wildcard $(1)/*.rs))) $(notdir $(patsubst %/main.rs,%,$(wildcard $(1)/*/main.rs)))))
UNIT := --lib --bins $(call named,crates/*/tests) --test structure
SCENARIO := $(call named,tests/tests)
KUBE_TESTS := $(call named,tests/kube/tests)

.PHONY: help run build test test-build test-unit test-scenario test-kube test-e2e test-backends kube-assets prometheus-assets backends-assets crds check fmt fmt-check clippy structure deny release bench bench-scale bench-parts fuzz conformance

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: ## control plane, sidecar and simulator from examples/quickstart, without a cluster; Ctrl-C ends it
	$(CARGO) run --locked -p sidegate-cli --bin sidegate -- dev $(DIR) $(ARGS)

build: ## the programs, for trying, for the scenarios of programs and for the end-to-end tests
	$(CARGO) build --locked -p sidegate-cli -p sidegate-proxy -p sidegate-controller --bins

test: test-unit test-scenario test-kube test-e2e test-backends ## every test: unit, recorded calls, scenario, Kubernetes, real SDKs, a real tracing back-end

test-build: ## build the unit and scenario tests, run nothing
	$(TESTS) --lib --bins --tests --no-run

test-unit: ## modules, crates, recorded calls, and the shape of the tree
	$(TESTS) $(UNIT)

test-scenario: build ## whole programs, in one process and as people start them, and what goes wrong with them
	$(TESTS) $(SCENARIO)

test-kube: build kube-assets prometheus-assets ## the objects and the control plane on a real Kubernetes API server, scraped by a real Prometheus
	$(TESTS) $(KUBE_TESTS)

test-e2e: build ## real, unmodified SDKs through a running sidecar
	$(PYTHON) tests/e2e/through_sidecar.py --program $(TARGET)/debug/sidegate --objects examples/quickstart

test-backends: build backends-assets ## traces in a real tracing back-end, beside those of a really traced application
	$(PYTHON) tests/backends/run.py --program $(TARGET)/debug/sidegate --objects examples/quickstart

# A version that a server does not know of itself is v0.0.0, and clients refuse it features.
kube-assets: $(if $(KUBEBUILDER_ASSETS),,$(KUBE)/kube) ## build the tests' API server, once; not with KUBEBUILDER_ASSETS

$(KUBE)/kube: version = -X k8s.io/component-base/version.$(1)
$(KUBE)/kube:
	@echo 'Kubernetes $(KUBE_VERSION) is built once, which takes minutes, and kept in $(KUBE)'
	mkdir -p $(KUBE)
	cd tests/kube && CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -ldflags '-s -w $(call version,gitVersion=$(KUBE_VERSION)) $(call version,gitMajor=1) $(call version,gitMinor=$(KUBE_MINOR))' -o $(KUBE)/kube.new .
	ln -sf kube $(KUBE)/etcd && ln -sf kube $(KUBE)/kube-apiserver && ln -sf kube $(KUBE)/kubectl
	mv $(KUBE)/kube.new $(KUBE)/kube

prometheus-assets: $(if $(or $(PROMETHEUS),$(shell command -v prometheus)),,$(PROM)/prometheus) ## unpack Debian's Prometheus for the tests, once; not with PROMETHEUS, or with one in PATH

# Unpacked and not installed: that needs no rights, and starts no service.
$(PROM)/prometheus:
	rm -rf $(PROM) && mkdir -p $(PROM)/package
	cd $(PROM)/package && { apt-get -qq download prometheus || { apt-get -qq update && apt-get -qq download prometheus; } || { \
	  echo 'no Debian package of Prometheus can be had here: name the program, with promtool beside it, in PROMETHEUS'; exit 1; }; }
	cd $(PROM)/package && dpkg -x prometheus_*.deb .
	mv $(PROM)/package/usr/bin/promtool $(PROM)/package/usr/bin/prometheus $(PROM)/ && rm -r $(PROM)/package

backends-assets: ## install Phoenix and a traced application for the tests, once: a gigabyte
	$(PYTHON) tests/backends/run.py --prepare

crds: ## write deploy/crds from the types
	$(CARGO) run --locked -p sidegate-cli --bin sidegate -- crds >deploy/crds/sidegate.yaml.new
	mv deploy/crds/sidegate.yaml.new deploy/crds/sidegate.yaml

check: fmt-check clippy structure deny ## format, lints, structure, licences and bans

fmt: ## format the sources
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

clippy: ## lints, all of them fatal
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

structure: ## who depends on whom, versions, sizes, paths in the README
	$(CARGO) test --locked -p sidegate-structure

deny: $(DENY) ## licences, bans and sources of packages; advisories where their database can be had
	$(DENY) --locked check --hide-inclusion-graph --allow unused-wrapper bans licenses sources
	@if $(DENY) fetch db >/dev/null 2>&1; then \
	  $(DENY) --locked check --hide-inclusion-graph --disable-fetch advisories; \
	else \
	  echo 'advisories: NOT CHECKED, the database of RustSec advisories cannot be reached from here'; \
	fi

$(DENY):
	$(CARGO) install --locked --root $(CACHE)/tools --version $(DENY_VERSION) cargo-deny

# The sidecar is built by itself, so that it has its own features and nobody else's: once to see what it does under the
# load of the benchmarks, and then from what was seen. The profile belongs to these very sources and is not kept.
release: profiled = $(CARGO) build --locked --release --target $(HOST) --target-dir $(PROFILED) -p sidegate-proxy
release: ## the sidecar as it is shipped, optimized by what it does under load
	rustup component add llvm-tools
	rm -rf $(PROFILED)/seen
	RUSTFLAGS='-Cprofile-generate=$(PROFILED)/seen' $(profiled)
	cp $(PROFILED)/$(HOST)/release/sidegate-proxy $(PROFILED)/sidegate-proxy
	$(CARGO) build --locked --release -p sidegate-controller
	$(CARGO) build --locked --release -p sidegate-bench
	$(PYTHON) tests/bench/run.py --quick --sidecar $(PROFILED)/sidegate-proxy --phases $(TRAINING)
	$(PROFDATA) merge --output=$(PROFILED)/sidegate-proxy.profdata $(PROFILED)/seen
	RUSTFLAGS='-Cprofile-use=$(PROFILED)/sidegate-proxy.profdata' $(profiled)
	cp $(PROFILED)/$(HOST)/release/sidegate-proxy $(TARGET)/release/sidegate-proxy

bench: release ## cost beside a bare pass-through; writes docs/benchmarks.md and .json
	$(PYTHON) tests/bench/run.py $(ARGS)
	$(MAKE) bench-scale

bench-parts: ## what single parts of a call cost: the books of limits, the audit line, counters, spans; fails where one is dearer than its bound
	$(CARGO) test --locked --profile fast --no-fail-fast -p sidegate-ledger -p sidegate-telemetry --lib -- --ignored --nocapture --test-threads=1

bench-scale: ## the control plane under many sidecars; writes its part of docs/benchmarks.md and .json
	$(CARGO) build --locked --release -p sidegate-controller
	$(CARGO) build --locked --release -p sidegate-scale
	$(PYTHON) tests/bench/scale.py $(ARGS)

# Safe code needs no sanitizer, and without one the pinned toolchain will do.
fuzz: $(FUZZ) ## everything that reads bytes from outside, FUZZ_SECONDS (300) for each of four targets
	@for target in recognize sse usage splice; do \
	  mkdir -p tests/fuzz/corpus/$$target; \
	  PATH="$(CACHE)/tools/bin:$$PATH" $(CARGO) fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target \
	    tests/fuzz/corpus/$$target tests/fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

$(CACHE)/tools/bin/cargo-fuzz:
	$(CARGO) install --locked --root $(CACHE)/tools cargo-fuzz

conformance: ## replay the recorded calls of SIDEGATE_WIRE_CORPUS and write docs/conformance.md
	@test -n "$(SIDEGATE_WIRE_CORPUS)" || { echo 'name the folder of recorded calls in SIDEGATE_WIRE_CORPUS'; exit 64; }
	SIDEGATE_WRITE_DOCS=1 $(CARGO) test --locked -p sidegate-dialects --test corpus
