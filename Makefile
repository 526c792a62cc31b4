GO       ?= go
FUZZTIME ?= 30s
SOAKTIME ?= 5m
VULNDB   ?= https://vuln.go.dev

# Tools are run at these versions and are no dependencies of the module.
GOFUMPT     = mvdan.cc/gofumpt@v0.12.0
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
GORELEASER  = github.com/goreleaser/goreleaser/v2@v2.12.7
CYCLONEDX   = github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
ACTIONLINT  = github.com/rhysd/actionlint/cmd/actionlint@v1.7.9

# The race detector needs cgo, and cgo a C compiler.
CC_FOUND := $(shell command -v "$$($(GO) env CC | cut -d ' ' -f 1)" 2>/dev/null)
ifneq ($(CC_FOUND),)
# SQLite is C translated to Go. It works on memory that the race detector does not watch, so its
# instrumentation finds nothing and makes every transaction ten times as slow. Do not extend this to
# modernc.org/...: a package that instantiates generic types of the standard library must be
# instrumented, or the linker may take its copies of them, and the detector reports races where none are.
RACE = -race $(foreach package,sqlite/lib libc memory,-gcflags=modernc.org/$(package)=-race=false)
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# In a checkout, Go records the tag or the commit. VERSION=v1.2.3 is for sources that are none.
LDFLAGS = -s -w $(if $(VERSION),-X github.com/attachd/attachd/cmd/attachd/version.number=v$(patsubst v%,%,$(VERSION)))

.PHONY: build
build: ## a static binary: bin/attachd
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags='$(LDFLAGS)' -o bin/attachd ./cmd/attachd

# ENGINE=podman builds it with Podman.
ENGINE ?= docker

.PHONY: image
image: ## the container image attachd, by ENGINE (docker); VERSION=v1.2.3 says which it is
	$(ENGINE) build -t attachd --build-arg VERSION='$(or $(VERSION),$(shell git describe --tags --dirty 2>/dev/null))' \
		--build-arg REVISION='$(shell git rev-parse HEAD 2>/dev/null)' --build-arg CREATED='$(shell git log -1 --format=%cI 2>/dev/null)' .

# bin/progress shows how far the tests are, what was slow, and go test's closing lines. A program with the race detector
# stays for a second at its end unless told otherwise.
GO_TEST = GORACE=atexit_sleep_ms=20 $(if $(RACE),CGO_ENABLED=1) bin/progress -expect '$(EXPECT)' $(GO) test -shuffle=on $(RACE)

bin/progress: .ci/progress.go
	@$(GO) build -o $@ $<

.PHONY: test
test: EXPECT = about 13 minutes on two cores, and 4 more where all is to be compiled first
test: install-test-deps bin/progress ## every test, with the race detector, a real Dovecot and a real browser: about 13 minutes
	@$(if $(RACE),,echo 'no C compiler found: testing without the race detector')
	@$(GO_TEST) -timeout=20m ./...

.PHONY: quick
quick: RACE =
quick: EXPECT = about 4 minutes on two cores, and 2 more where all is to be compiled first
quick: bin/progress ## the same tests without the race detector: about 4 minutes
	@$(GO_TEST) -timeout=10m ./...

.PHONY: test-all
test-all: EXPECT = some hours
test-all: install-test-deps bin/progress ## the tables of faults as a whole, too, and SOAKTIME (5m) of make soak: for the night
	@$(if $(RACE),,echo 'no C compiler found: testing without the race detector')
	@ATTACHD_TESTS=all ATTACHD_SOAK=$(SOAKTIME) $(GO_TEST) -timeout=6h ./...

.PHONY: check
check: ## gofumpt, go vet, staticcheck, and govulncheck where its database can be reached
	@unformatted=$$($(GO) run $(GOFUMPT) -l .) && \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofumpt:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@$(GO) run .ci/vuln.go $(VULNDB) $(GO) run $(GOVULNCHECK) -db=$(VULNDB) ./...

# The unit of a metric says what it is: x-PEER is our time over a peer's, of-LIMIT
# and %-of-LIMIT ours over a limit, peak-MiB memory. BENCH=-readme has the table's results written
# into README.md, deploy/performance.md and deploy/bench.svg.
.PHONY: bench
bench: install-bench-deps ## benchmarks of each stage, then attachd beside other programs and limits: 30 minutes
	@out=$$(mktemp) && trap 'rm -f "$$out"' EXIT && \
	{ $(GO) test -run='^$$' -bench=. -timeout=60m -p=1 $$($(GO) list ./... | grep -v /cmd/attachd/bench$$) 2>&1; echo "exit $$?" >"$$out.exit"; } | tee "$$out" && \
	echo && echo 'Beside peers (x-) and limits (of-); less is better:' && \
	awk '/^Benchmark/ { for (i = 3; i < NF; i += 2) if ($$(i+1) ~ /^(x-|of-|%-of-|peak-)/) \
		printf "  %-44s %10s  %s\n", $$1, $$i, $$(i+1) }' "$$out" && \
	status=$$(cut -d ' ' -f 2 "$$out.exit") && rm -f "$$out.exit" && [ "$$status" = 0 ]
	@$(MAKE) --no-print-directory bench-table

# Quick and with few contenders: see the comment of the package.
.PHONY: bench-table
bench-table: install-bench-deps ## attachd beside other programs and limits, byte-checked: 25 minutes
	@$(GO) test -count=1 -run='^$$' -bench='^BenchmarkRow$$' -benchtime=1x -timeout=60m ./cmd/attachd/bench $(BENCH)

.PHONY: bench-readme
bench-readme: BENCH = -readme
bench-readme: bench-table ## the same, written into README.md, deploy/performance.md and deploy/bench.svg

# V=1 lists what each tool missed.
.PHONY: compare
compare: install-compare-deps ## attachd beside other extraction tools, on the same mail
	@ATTACHD_COMPARE=$(if $(V),cases,table) $(GO) test -count=1 -run='^TestCompare$$' -v ./extractor

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each (30s)
	@$(GO) list ./... | while read -r package; do \
		targets=$$($(GO) test -list='^Fuzz' "$$package") || { echo "$$targets"; exit 1; }; \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "== $$package $$target"; \
			$(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=1x "$$package" </dev/null || exit 1; \
		done; \
	done

.PHONY: servers
servers: install-servers-deps ## attachd and other mail fetchers on odd servers: what becomes of the messages
	@cd cmd/attachd && ATTACHD_SERVERS=table $(GO) test -count=1 -run='^TestServers$$'

.PHONY: failpoints
failpoints: ## every step of a delivery killed and failed, every command cut and refused, as tables
	@cd cmd/attachd && ATTACHD_TESTS=all $(GO) test -count=1 -timeout=60m -run='^TestFailpoints$$'

.PHONY: soak
soak: ## all faults mixed at random, for SOAKTIME (5m); SEED=N begins as an earlier one did
	@ATTACHD_TESTS=all ATTACHD_SOAK=$(SOAKTIME) ATTACHD_SOAK_SEED=$(SEED) $(GO) test -count=1 -timeout=0 -run='^TestSoak$$' -v ./cmd/attachd

.PHONY: packages
packages: ## dist/: .deb, .rpm and Arch package, for VERSION (the tag's) and ARCH (this machine's; amd64, arm64 …)
	@deploy/packages/build '$(VERSION)' '$(ARCH)'

.PHONY: test-packages
test-packages: install-packages-deps ## the packages, made twice and looked at: 3 minutes
	@.ci/packages

.PHONY: test-systemd
test-systemd: install-systemd-deps ## the packages and the service under a real systemd, where root may boot one: 5 minutes
	@.ci/systemd $(RELEASE)

.PHONY: test-container
test-container: install-container-deps ## the image built and run by a real Docker, Compose and Podman, where root may run them: 4 minutes
	@.ci/container

.PHONY: snapshot
snapshot: ## all that a release has, made of this commit in bin/release; the tool alone takes minutes to build
	@$(GO) run $(ACTIONLINT) .github/workflows/*.yaml
	@$(GO) run $(GORELEASER) check
	$(GO) run $(GORELEASER) release --snapshot --clean --skip=publish,sign

.PHONY: sbom
sbom: build ## bin/attachd.cdx.json: the modules in bin/attachd with their licences (CycloneDX)
	$(GO) run $(CYCLONEDX) bin -json -licenses -output bin/attachd.cdx.json bin/attachd

.PHONY: picture
picture: install-test-deps ## deploy/page.png, the picture of the page that README shows
	ATTACHD_VIEWS=overview ATTACHD_ARTEFACTS=$(CURDIR)/bin/shots $(GO) test -count=1 -run=TestBrowser/views ./cmd/attachd/web
	cp bin/shots/overview-1280-light.png deploy/page.png

.PHONY: manual
manual: ## the man pages and the completions of shells: bin/manual
	CGO_ENABLED=0 $(GO) run -tags manual ./cmd/attachd manual bin/manual

.PHONY: test-deploy
test-deploy: install-deploy-deps ## the files for NixOS, Arch, Homebrew and others below deploy/: 1 minute
	@.ci/deploy

.PHONY: demo
demo: ## show what attachd does, with a mail server of its own
	@$(GO) run ./cmd/attachd demo

.PHONY: install-test-deps
install-test-deps: ## Dovecot, promtool, Chromium, man, mandoc, strace and npm, which the tests need (Debian, Ubuntu)
	@.ci/install dovecot=dovecot-pop3d promtool=prometheus chromium=chromium man=man-db mandoc=mandoc strace=strace
	@.ci/install npm=npm

.PHONY: install-bench-deps
install-bench-deps: ## Dovecot, other mail fetchers and what measures them, for the benchmarks (Debian, Ubuntu)
	@.ci/install dovecot=dovecot-pop3d mpop=mpop fetchmail=fetchmail ripmime=ripmime fdm=fdm getmail=getmail6 \
		munpack=mpack python3=python3 strace=strace awk=mawk
	@[ -x /usr/bin/time ] || .ci/install /usr/bin/time=time

.PHONY: install-compare-deps
install-compare-deps: ## the extraction tools that attachd is compared with (Debian, Ubuntu)
	@.ci/install ripmime=ripmime munpack=mpack uudeview=uudeview python3=python3

.PHONY: install-servers-deps
install-servers-deps: ## the mail fetchers that attachd is compared with (Debian, Ubuntu)
	@.ci/install mpop=mpop fetchmail=fetchmail getmail=getmail6 fdm=fdm

.PHONY: install-systemd-deps
install-systemd-deps: ## what boots a systemd of its own for make test-systemd (Debian, Ubuntu)
	@.ci/install systemd-nspawn=systemd-container mmdebstrap=mmdebstrap

.PHONY: install-container-deps
install-container-deps: ## the engines for make test-container, and what their base images are made of (Debian, Ubuntu)
	@.ci/install dockerd=docker.io docker-compose=docker-compose iptables=iptables busybox=busybox-static \
		mmdebstrap=mmdebstrap podman=podman catatonit=catatonit runc=runc

.PHONY: install-packages-deps
install-packages-deps: ## what looks at the packages for make test-packages (Debian, Ubuntu)
	@.ci/install lintian=lintian rpm=rpm shellcheck=shellcheck man=man-db zstd=zstd

.PHONY: install-deploy-deps
install-deploy-deps: ## what reads the files of make test-deploy (Debian, Ubuntu)
	@.ci/install nix-instantiate=nix-bin makepkg=makepkg pacman=pacman-package-manager ruby=ruby \
		xmllint=libxml2-utils docker-compose=docker-compose

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
