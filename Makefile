# Everything runs in the project's own virtual environment; `make` sets it up when it is missing or out of date.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
REC ?= recordings/vae.h5
RECORD := $(BIN)/dgmtui record
STAMP := $(VENV)/.installed
PEERS := $(VENV)/.installed-peers

.DEFAULT_GOAL := help
.PHONY: help setup demo run test check bench scores reference screenshot recordings clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml .ci/constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing dgmtui and what it needs into $(VENV) (once)" >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[dev]' >&2
	@touch $@

$(PEERS): $(STAMP)
	@echo "installing what the benchmarks measure us against into $(VENV) (once)" >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[dev,bench]' >&2 \
		|| echo "not all of it can be installed here: what is absent is named in the tables" >&2
	@touch $@

setup: $(STAMP) ## Make the virtual environment and install into it

demo: $(STAMP) ## Train the VAE that turns NaN, record it, and open the recording
	@$(BIN)/dgmtui demo vae

run: $(STAMP) ## Open a recording: make run REC=recordings/cnn.h5
	@$(BIN)/dgmtui $(REC)

test: $(STAMP) ## Run the tests, on all cores; HYPOTHESIS_PROFILE=random draws other examples each time
	@HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-ci} $(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: $(STAMP) ## Formatting, lint, types, import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(PEERS) ## Measure, each number beside its peer or floor
	@$(BIN)/python tests/benchmarks

scores: $(STAMP) ## Score the findings on the corpus of faults, and write the table into README.md
	@$(BIN)/python tests/benchmarks/bench_findings.py

reference: $(STAMP) ## Write dgmtui/commands/REFERENCE.md from what the commands declare
	@$(BIN)/python -m dgmtui.commands.reference > dgmtui/commands/REFERENCE.md

screenshot: $(STAMP) ## Draw the README's picture of the screen again
	@$(BIN)/python tests/scripts/screenshot.py recordings/vae.h5 recordings/vae-screen.svg --size 110x32 --theme dark -c n -c credit

recordings: $(STAMP) ## Record the demos that lie in recordings/ again (one that fails ends with code 1, as it should)
	-@$(RECORD) --every 25 -o recordings/vae.h5 -m dgmtui.demos.vae
	-@$(RECORD) --every 25 -o recordings/vae-replaced.h5 -m dgmtui.demos.vae_replaced
	@$(RECORD) --every 80 -o recordings/vae-softplus.h5 -m dgmtui.demos.vae_softplus
	@$(RECORD) --every 5 -o recordings/cnn.h5 -m dgmtui.demos.cnn
	@$(RECORD) --every 5 -o recordings/cnn-batchnorm.h5 -m dgmtui.demos.cnn_batchnorm

clean: ## Remove what the other targets made
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
