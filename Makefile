# What a person can type here. `make` alone lists it; every target prepares its own .venv.

.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

# A .venv that was moved, or whose Python is gone, counts as not made.
ifneq ($(wildcard $(VENV)),)
ifneq ($(shell grep -qsF "$(CURDIR)/$(VENV)/" $(BIN)/pip && $(BIN)/python -c 'import pip; print("good")' 2>/dev/null),good)
.PHONY: $(VENV)/made $(VENV)/ready $(VENV)/ready-dev $(VENV)/ready-bench
endif
endif

define no_python
The hotline needs Python 3.11 or newer, and found none (python3 here: $(shell python3 --version 2>&1)).
On Debian 12 or Ubuntu 24.04 and newer: apt-get install python3 python3-venv
With a Python of your own: make PYTHON=/path/to/python3.11
endef

define no_venv
This Python cannot make virtual environments: its ensurepip is missing.
As root: apt-get install $$package
endef
export no_python no_venv

.PHONY: help setup run start call phone load kit test lint format bench faults attack packages

help: ## List what can be typed here
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/ready ## Start the hotline with a sandbox bank and an embedded server; Ctrl-C stops it
	@$(BIN)/python -m simulator.run

start: $(VENV)/ready ## Start the processes of the Procfile with the settings of the environment
	@PATH="$(abspath $(BIN)):$$PATH" exec $(BIN)/honcho start --port "$${PORT:-8000}"

call: $(VENV)/ready ## Report a card lost over a simulated phone call, from first key to bank receipt
	@$(BIN)/python -m simulator.main_call $(ARGS)

phone: $(VENV)/ready ## A telephone in this terminal, beside a running `make run` or with ARGS="--url …"
	@$(BIN)/python -m simulator.terminal $(ARGS)

text: $(VENV)/ready ## Texts to a running `make run`, and what comes back: ARGS="--from +86… 挂失"
	@$(BIN)/python -m simulator.text_terminal $(ARGS)

load: $(VENV)/ready ## Many calls at a running `make run`, then count whether everything adds up
	@$(BIN)/python -m simulator.load $(ARGS)

kit: $(VENV)/ready ## Show the test kit: a caller with verbs, for tests of any TwiML application
	@PAGER=cat $(BIN)/python -m pydoc simulator.kit

test: packages lint ## Check everything: style, types, house rules and all tests
	@$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(VENV)/ready-dev ## Check style, types and which room may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/ready-dev ## Put the code into its standard form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

faults: $(VENV)/ready-dev ## Long random fault tests: kill and break things, then count what was lost
	@FAULTS=long $(BIN)/python -m pytest -m faults -s --timeout 0 $(ARGS)

attack: $(VENV)/ready-dev ## Attack a hotline on this machine, and search all it leaves for anybody's numbers
	@ATTACK=long $(BIN)/python -m pytest -m attack -s --session-timeout 300 $(ARGS)

bench: $(VENV)/ready-bench ## Measure speed beside floors and peers (10 minutes; QUICK=1: 90 seconds, smaller)
	@$(BIN)/python -m bench $(ARGS)

setup: $(VENV)/ready-dev packages ## Only prepare .venv and the programs the tests use

packages:
	@sh .ci/packages

$(VENV)/made:
	@test -n "$(PYTHON)" || { echo "$$no_python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$no_python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { eval "echo \"$$no_venv\"" >&2; exit 1; }; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends $$package; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/ready: requirements.txt $(VENV)/made
	@echo "Installing requirements.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/ready-dev: requirements-dev.txt $(VENV)/ready
	@echo "Installing requirements-dev.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/ready-bench: requirements-bench.txt $(VENV)/ready
	@echo "Installing requirements-bench.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@
