# `make run` brings everything up on this machine; `make test` checks everything. Both set themselves up first.

# The first Python of 3.11 or newer; `make run PYTHON=/path/to/python3.12` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PACKAGES := connector platforms webhooks desk jobs sandbox config
UV ?= uv
# Many tests wait for real processes: so several run at the same time, a file always in one of them. `make test SEVERAL=` runs them in turn.
SEVERAL ?= -n 3 --dist loadfile --no-loadscope-reorder
DEV_MCP := @shopify/dev-mcp@1.16.0

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long lint format bench mutants lock contracts clean audit sbom

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## Make .venv from the lock file; quick where nothing has changed

$(INSTALLED): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found: install it, or name it with PYTHON=…" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, but PYTHON is " + sys.version.split()[0])'
	@$(BIN)/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup  ## Everything with the three sandbox shops on http://127.0.0.1:8000, until Ctrl-C (UP= adds options)
	@$(BIN)/connector up --sandbox $(UP)

test: lint  ## Lint, types, imports and all tests but the long ones
	$(BIN)/python -m pytest $(SEVERAL) $(PYTEST)

test-long: setup  ## The tests that take minutes
	$(BIN)/python -m pytest -m long --timeout=3600 $(PYTEST)

lint: setup  ## ruff, mypy and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup  ## Let ruff put the code in order
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# mutmut stays out of the lock file: it is wanted rarely, and brings a good deal along. A run takes 20 minutes on two cores.
MUTMUT := mutmut==3.8.1

mutants: setup  ## Break the domain in a thousand places: which faults do the quick tests not see?
	@test -x build/mutants/bin/mutmut || { $(BIN)/python -m venv build/mutants && build/mutants/bin/python -m pip install --quiet $(MUTMUT); }
	@echo "$(CURDIR)/$$(echo $(VENV)/lib/python*/site-packages)" > "$$(echo build/mutants/lib/python*/site-packages)/of-the-project.pth"
	ROUTING_CASES=900 PATH="$(CURDIR)/build/mutants/bin:$$PATH" build/mutants/bin/mutmut run
	build/mutants/bin/mutmut results

bench: setup  ## Measure receiving and taking in orders
	$(BIN)/python -m tests.bench

lock:  ## Resolve the lock files anew (needs uv)
	$(UV) pip compile pyproject.toml --group dev -o requirements-dev.lock $(LOCKING)
	$(UV) pip compile pyproject.toml -c requirements-dev.lock -o requirements.lock $(LOCKING)
	$(UV) pip compile requirements-tools.in -o requirements-tools.lock $(LOCKING)

LOCKING := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

# Tools that look at the project from outside live in an environment of their own, so that they change nothing of ours.
TOOLS := build/tools
AUDITED := requirements-dev.lock

$(TOOLS)/.installed: requirements-tools.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: name it with PYTHON=…" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.lock
	@touch $@

audit: $(TOOLS)/.installed  ## Look up known vulnerabilities of everything in the lock file; fails where one cannot be looked up
	$(TOOLS)/bin/pip-audit --strict --disable-pip --require-hashes -r $(AUDITED)

sbom: $(TOOLS)/.installed  ## Write build/sbom.json: every package we run on, with version, licence and hashes (CycloneDX)
	$(TOOLS)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file build/sbom.json
	@$(TOOLS)/bin/python -c "import json; found = json.load(open('build/sbom.json')); \
		print(len(found['components']), 'packages in build/sbom.json,', found['bomFormat'], found['specVersion'])"

contracts:  ## Fetch Shopify's schema into build/ for the tests that check against it (needs npm)
	@test -d build/shopify-dev-mcp || $(MAKE) --no-print-directory build/shopify-dev-mcp \
		|| echo "Shopify's schema could not be fetched: the tests that need it are skipped." >&2

build/shopify-dev-mcp:
	@command -v npm >/dev/null || { echo "npm is not there." >&2; exit 1; }
	@rm -rf build/unpacking && mkdir -p build/unpacking
	cd build/unpacking && npm pack --silent $(DEV_MCP) >/dev/null && tar -xzf *.tgz && mv package ../shopify-dev-mcp
	@rm -rf build/unpacking

clean:  ## Remove what was made here, except the data
	rm -rf $(VENV) build mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
