# Two commands do everything: `make demo` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Tests and commands start many Python processes; without byte code each compiles everything again, for seconds.
export PYTHONDONTWRITEBYTECODE :=
COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-package google-sandbox --no-emit-package catflap-client

.PHONY: help demo test test-fast check check-layers check-scripts check-style check-types format lock bench recognisers esphome home-assistant docs listen screens clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: .venv/runtime ## the whole way in a browser, offline; ARGS="--help" shows more
	@$(BIN)/catflap demo $(ARGS)

test: check ## format, lint, types, layers and every test
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

test-fast: .venv/dev ## unit and many integration tests, in about two minutes
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not browser" $(ARGS)

check: .venv/dev node_modules/.package-lock.json
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-types check-style check-layers check-scripts

check-style:
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

check-types:
	@$(BIN)/mypy

check-layers:
	@$(BIN)/lint-imports --no-cache

check-scripts:
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/tsc
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/tsc --project tsconfig.worker.json

format: .venv/dev ## let ruff put the code in order
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## compile the lock files anew (needs uv)
	uv pip compile $(COMPILE) --extra demo --group build pyproject.toml -o requirements.lock
	uv pip compile $(COMPILE) --extra demo --extra kokoro --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	uv pip compile $(COMPILE) --extra demo --extra formats --extra mqtt --extra wyoming -c requirements-dev.lock pyproject.toml -o requirements-image.lock
	uv pip compile $(COMPILE) --group build --group image -c requirements.lock -o requirements-build.lock
	uv pip compile $(COMPILE) --group client-generator -o requirements-client-generator.lock
	uv pip compile $(COMPILE) --group recognisers -o requirements-recognisers.lock
	uv pip compile $(COMPILE) --group esphome -o requirements-esphome.lock
	uv pip compile $(COMPILE) --group home-assistant -o requirements-home-assistant.lock
	uv pip compile $(COMPILE) --group docs -o requirements-docs.lock

bench: .venv/dev ## measure, beside the peers, in one run
	@$(BIN)/python -m bench $(ARGS)

recognisers: .venv-recognisers/installed ## the speech recognisers (600 MB) for the bench's speech.understood

esphome: .venv-esphome/installed ## ESPHome, for the test that validates firmware/esphome/mia.yaml

home-assistant: .venv-home-assistant/installed ## a real Home Assistant (600 MB) for the tests of its MQTT and speakers

docs: .venv-docs/installed .venv/dev ## the documentation as a site with its reference, in build/docs/site
	@$(BIN)/python -m docsite build/docs
	@.venv-docs/bin/zensical build --clean --strict --config-file build/docs/zensical.toml

listen: .venv/dev ## a sound of each kind in each dialect, and a page to hear them; ARGS="--dialect kansai"
	@$(BIN)/catflap phrases listen listen-out $(ARGS)

screens: .venv/dev ## pictures of all screens of the page, into docs/screens
	@$(BIN)/python -m tests.web.screens

clean: ## take away what was installed and made here
	rm -rf .venv .venv-recognisers .venv-esphome .venv-home-assistant .venv-docs build .bench-cache node_modules .catflap demo-out listen-out

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Catflap needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "[1/3] making .venv" >&2
	@$(PYTHON) -m venv .venv \
	  || { echo "python3 -m venv failed; on Debian: apt install python3-venv" >&2; rm -rf .venv; exit 2; }

.venv/runtime: .venv/bin/python requirements.lock pyproject.toml $(wildcard packages/*/pyproject.toml)
	@scripts/install requirements.lock
	@touch $@

.venv/dev: .venv/bin/python requirements-dev.lock pyproject.toml $(wildcard packages/*/pyproject.toml)
	@scripts/install requirements-dev.lock
	@touch $@ .venv/runtime

# TypeScript, to check the browser scripts; npm comes with the development dependencies.
node_modules/.package-lock.json: package.json package-lock.json .npmrc | .venv/dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --prefer-offline --loglevel=error
	@touch $@

.venv-%/installed: requirements-%.lock
	@$(PYTHON) -m venv --clear .venv-$*
	@.venv-$*/bin/python -m pip install --disable-pip-version-check --no-input --quiet --no-compile \
	  --require-hashes -r $<
	@touch $@
