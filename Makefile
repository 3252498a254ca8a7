# hop: make demo | test | test-fast | check | bench | clean. `make help` lists them.
PYTHON ?= python3
HOP_PORT ?= 8000
HOP_DATA_DIR ?= .hop
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# Each file in one of two processes, in the order given: short files last, so that both end together.
IN_PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder -m "not alone"
# Made last by `setup`; older than the lock or the project file means out of date.
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast check lint format types bench lock clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv with everything that the demo and the tests need

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hop needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make setup PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || \
	  { echo "No venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing hop into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## Run everything on http://127.0.0.1:$(HOP_PORT), data in $(HOP_DATA_DIR)
	@exec $(BIN)/hop demo --port $(HOP_PORT) --data-dir $(HOP_DATA_DIR)

test: setup  ## The whole suite, on embedded Postgres and Redis
	$(PYTEST) $(IN_PARALLEL) tests/chaos tests/e2e tests/browser tests/integration tests/unit
	$(PYTEST) -m alone

test-fast: setup  ## Unit and integration tests
	$(PYTEST) $(IN_PARALLEL) tests/integration tests/unit

# With HOP_TEST_POSTGRES=/usr/lib/postgresql/15/bin and HOP_TEST_REDIS=/usr/bin/redis-server set.
.PHONY: test-servers
test-servers: setup  ## What speaks to Postgres and Redis once more, on other versions
	$(PYTEST) $(IN_PARALLEL) $(addprefix tests/integration/,cache redirect links clicks worker db)

check: format-check lint types test  ## Format, lint, types, tests: what CI runs

.PHONY: format-check
format-check: setup
	$(BIN)/ruff format --check .

lint: setup  ## Ruff and the import rule
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: setup  ## mypy --strict
	$(BIN)/mypy

format: setup  ## Format, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## Measure on this machine; BENCH_FLAGS=--full for all, --help for more
	$(BIN)/python -m bench $(BENCH_FLAGS)

# setuptools is in the lock because the image build takes it from there (see Dockerfile).
lock:  ## Renew the lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --all-extras pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --extra fast -c requirements.lock pyproject.toml -o deploy/requirements.lock

clean:  ## Remove what was built; the data in $(HOP_DATA_DIR) stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
