# Two commands: `make demo` runs the demo, `make test` the tests. Needs Python 3.11 or newer with venv; nothing else.
PYTHON ?= python3
UV_VERSION := 0.13.9
TOOLS := .venv-tools
BIN := .venv/bin
UV := $(TOOLS)/bin/uv
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

.PHONY: help install demo test lint format bench soak lock labextension clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

install: .venv/.installed ## make .venv with `workbench` in it

.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; run: make install PYTHON=python3.11"; exit 1; }
	@test -x $(UV) || { $(PYTHON) -m venv $(TOOLS) && $(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); } || echo "uv could not be installed; going on with pip, which is slower"
	@if test -x $(UV); then \
	  $(UV) venv --quiet --clear --python $(PYTHON) .venv && \
	  $(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock && \
	  $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv --clear .venv && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

demo: install ## open a recorded incident in JupyterLab (HEADLESS=1: run it through without a browser)
	@$(BIN)/workbench demo $(if $(HEADLESS),--headless)

lint: install ## format check, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: install ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: lint ## everything that CI runs
	$(BIN)/python -m pytest

bench: install ## score the reasoner on the recorded incidents of the small shop
	$(BIN)/workbench bench run --cases workbench/bench/recordings --truth workbench/bench/truth
	$(BIN)/workbench bench run --cases tests/recordings --truth tests/recordings/truth

soak: install ## fault and attack suites at their full counts
	WORKBENCH_SOAK=1 $(BIN)/python -m pytest -m soak

lock: ## compile requirements.lock anew from pyproject.toml
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --group dev --extra estate pyproject.toml -o requirements.lock

labextension: install ## rebuild the lab extension's bundle (needs Node 20 and npm)
	cd labextension && npm ci --ignore-scripts --no-audit --no-fund && rm -rf dist && PATH="$(CURDIR)/$(BIN):$$PATH" npm run build

clean: ## remove what install made
	rm -rf .venv $(TOOLS)
