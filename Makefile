# One place for every command of the house. `make demo` and `make test` set up what they need.
#
# All targets share one target directory and one profile, `dev`: the crate itself unoptimized
# (quick to rebuild), its dependencies at 2 and without debug information (built once; the
# validator, SQLite and the ciphers are slow to test otherwise). So demo, test and lint reuse
# what the others built. Release builds are for packages and `make bench` only.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
RACCORDO := $(TARGET)/debug/raccordo
VENV := $(TARGET)/venv
BROKER := $(abspath $(TARGET))/broker
POSTGRES := $(abspath $(TARGET))/postgres

# A fresh private RabbitMQ for as long as one command runs.
define with-broker
trap 'tests/broker stop $(BROKER)' EXIT; tests/broker wipe $(BROKER); \
	export RACCORDO_BROKER=$(BROKER) RACCORDO_AMQP="$$(cat $(BROKER)/url)"
endef

# The same with a private PostgreSQL.
define with-postgres
trap 'tests/postgres stop $(POSTGRES)' EXIT; tests/postgres wipe $(POSTGRES); \
	export RACCORDO_POSTGRES=$(POSTGRES)
endef

# And with both.
define with-servers
trap 'tests/broker stop $(BROKER); tests/postgres stop $(POSTGRES)' EXIT; \
	tests/broker wipe $(BROKER); tests/postgres wipe $(POSTGRES); export RACCORDO_POSTGRES=$(POSTGRES) \
	RACCORDO_BROKER=$(BROKER) RACCORDO_AMQP="$$(cat $(BROKER)/url)"
endef

BROKERED := $(filter rabbitmq,$(QUEUE))
SHARED := $(filter postgres,$(LEDGER))

# What of the suite runs over PostgreSQL too: whatever keeps its ledger by `tests/it/ledgers.rs`.
OVER_POSTGRES := exchange:: cancel:: delivery:: replay:: waas:: calendar:: inquiry:: upgrade:: api:: console:: explain:: nodes:: \
	--skip browser --skip openapi

# Clippy as the compiler of this crate alone: `cargo clippy` would check every dependency once more,
# five minutes that nothing else uses. What it builds is what the tests run.
CLIPPY := CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__ RUSTC_WORKSPACE_WRAPPER=clippy-driver

# The authorities' own schemas, to check ours against. They are not part of this repository;
# tests say so where they are absent.
export RACCORDO_OFFICIAL ?= $(abspath ../shared/official)

ASSETS := web/node_modules/.ready
DRIVER := tests/browser/node_modules/.ready

.PHONY: help demo assets test lint check bless model chaos sim soak bench guide install build packages clean-test

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## the whole way, from generated folders to two books that agree (QUEUE=rabbitmq, LEDGER=postgres; STAY=1: then the console, until Ctrl-C)
	$(if $(BROKERED)$(SHARED),.ci/packages openssl $(BROKERED) $(SHARED); )$(if $(BROKERED),$(if $(SHARED),$(with-servers),$(with-broker)); ,$(if $(SHARED),$(with-postgres); ))$(RACCORDO) demo --dir $(TARGET)/demo $(if $(QUEUE),--queue $(QUEUE)) $(if $(SHARED),--ledger "$$(cat $(POSTGRES)/url)" --ledger-password-file $(POSTGRES)/password) $(if $(STAY),--stay)

# Tests that drive the API from outside find their Python here.
test: export RACCORDO_PYTHON := $(abspath $(VENV))/bin/python
test: packages $(VENV)/.ready $(ASSETS) $(DRIVER) ## every test there is
	$(with-servers); if $(CARGO) nextest --version >/dev/null 2>&1; \
	then $(CARGO) nextest run --locked --no-fail-fast; \
	RACCORDO_LEDGER=postgres $(CARGO) nextest run --locked --no-fail-fast --test it -- $(OVER_POSTGRES); \
	else $(CARGO) test --locked --no-fail-fast --lib --bins --tests; \
	RACCORDO_LEDGER=postgres $(CARGO) test --locked --no-fail-fast --test it -- $(OVER_POSTGRES); fi
	$(CARGO) test --locked --doc

assets: ## what the console's pages load, from the npm registry; the next build embeds it
	.ci/packages node
	rm -f $(ASSETS)
	$(MAKE) --no-print-directory $(ASSETS)

# The assets first, where there is npm, as in `build`: they are part of what is compiled.
lint: $(if $(shell command -v npm),$(ASSETS)) ## format, clippy, licences and sources of dependencies
	.ci/packages cc
	$(CARGO) fmt --check
	$(CLIPPY) $(CARGO) build --locked --all-targets
	if $(CARGO) deny --version >/dev/null 2>&1; \
	then $(CARGO) deny --locked check bans licenses sources; \
	else echo "cargo-deny is not installed: licences and sources of dependencies were not checked"; fi

check: build ## the flows: static check of every mapping, then the fixtures
	$(RACCORDO) check
	$(RACCORDO) test

bless: build ## rewrite what the fixtures expect; review the diff
	$(RACCORDO) test --bless

model: packages ## the long model test of the exchange (HISTORIES= how many)
	RACCORDO_HISTORIES=$(or $(HISTORIES),2000000) $(CARGO) test --locked --test it -- model --nocapture

# At least so many deaths and restarts, over one ledger and one queue; a row is added to target/chaos.md.
# The gateway under test is a copy, so that a build meanwhile changes nothing.
chaos: packages ## the long fault test (KILLS= BROKER= DATABASE= how many, LEDGER=sqlite|postgres, QUEUE=rabbitmq|embedded, SEED=, MINUTES= at most)
	$(CARGO) test --locked --test it --no-run
	cp $(RACCORDO) $(TARGET)/raccordo-under-test
	RACCORDO_BINARY=$(abspath $(TARGET))/raccordo-under-test RACCORDO_STORM_RESULTS=$(abspath $(TARGET))/chaos.md \
		RACCORDO_STORM_LEDGER=$(or $(LEDGER),sqlite) RACCORDO_STORM_QUEUE=$(or $(QUEUE),rabbitmq) \
		RACCORDO_STORM_KILLS=$(or $(KILLS),1000) RACCORDO_STORM_BROKER=$(or $(BROKER),100) \
		RACCORDO_STORM_DATABASE=$(or $(DATABASE),50) RACCORDO_STORM_MINUTES=$(or $(MINUTES),60) \
		$(if $(SEED),RACCORDO_CHAOS_SEED=$(SEED)) $(CARGO) test --locked --test it -- chaos_storm::whatever --nocapture

sim: ## the deterministic simulation of delivery (SEEDS= how many, FIRST= the first one)
	RACCORDO_SIM_SEEDS=$(or $(SEEDS),10000) $(if $(FIRST),RACCORDO_SIM_FIRST=$(FIRST)) \
		$(CARGO) test --locked --test it -- chaos_sim --nocapture

soak: packages ## a steady load for a long time: nothing may grow (MINUTES=, LEDGER=, QUEUE=)
	RACCORDO_SOAK_SECONDS=$$(( $(or $(MINUTES),30) * 60 )) RACCORDO_STORM_LEDGER=$(or $(LEDGER),sqlite) \
		RACCORDO_STORM_QUEUE=$(or $(QUEUE),embedded) $(CARGO) test --locked --test it -- chaos_storm::soak --nocapture

bench: packages ## measurements, each beside its anchor; builds the release profile
	$(CARGO) bench --locked --no-run
	$(with-broker); $(CARGO) bench --locked

guide: build ## the user's guide, into target/guide (with mdbook; else its pages stay Markdown in docs/guide/src)
	$(RACCORDO) flows docs docs/guide/src/tracciati
	if command -v mdbook >/dev/null; then mdbook build docs/guide; \
	else echo "mdbook is not installed: read docs/guide/src/SUMMARY.md"; fi

# Under DESTDIR where packages are made; else into the system, as root, with user and directories.
install: PREFIX ?= /usr
install: $(if $(shell command -v npm),$(ASSETS)) ## binary (release), service, user, manual pages, completions
	.ci/packages cc
	$(CARGO) build --locked --release --bin raccordo
	install -D -m 755 $(TARGET)/release/raccordo $(DESTDIR)$(PREFIX)/bin/raccordo
	install -D -m 644 packaging/systemd/raccordo.service $(DESTDIR)$(PREFIX)/lib/systemd/system/raccordo.service
	install -D -m 644 packaging/systemd/raccordo.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/raccordo.conf
	install -D -m 644 packaging/systemd/raccordo.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/raccordo.conf
	install -D -m 644 config/production.example.toml $(DESTDIR)$(PREFIX)/share/doc/raccordo/production.example.toml
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/raccordo/LICENSE
	$(TARGET)/release/raccordo man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(TARGET)/release/raccordo completions bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/raccordo
	$(TARGET)/release/raccordo completions zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_raccordo
	$(TARGET)/release/raccordo completions fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/raccordo.fish
	$(if $(DESTDIR),,systemd-sysusers raccordo.conf && systemd-tmpfiles --create raccordo.conf && systemctl daemon-reload)

clean-test: ## lint and test what is committed, in a fresh clone
	rm -rf $(TARGET)/clean-test
	git clone -q . $(TARGET)/clean-test
	cd $(TARGET)/clean-test && CARGO_TARGET_DIR=$(abspath $(TARGET)) .ci/run
	rm -rf $(TARGET)/clean-test

# With a test beside it, cargo gives the dependencies the features that they have in `make test`;
# alone, the binary would have a good part of them built once more. Where there is no npm, the
# console has its plain style.
build: $(if $(shell command -v npm),$(ASSETS))
	.ci/packages cc
	$(CARGO) build --locked --bin raccordo --test it

packages:
	.ci/packages cc xmllint openssl python rabbitmq postgres node chromium curl groff systemd

$(VENV)/.ready: tests/python/requirements.txt | packages
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
	touch $@

# The build sees files that changed, not files that are new: hence the touch.
$(ASSETS): web/package-lock.json web/build.mjs
	cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && node build.mjs
	touch src/web/console/assets.rs $@

$(DRIVER): tests/browser/package-lock.json
	cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@
