# `make run` does the main job on the data in data/01_raw; `make test` runs every check.
# Each target first sets up what it needs, and no more, in $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS := pipelines viz api benchmarks dev
TEST_FLAGS ?=

# Threads that wait for work sleep instead of spinning, which on a busy machine makes boosting
# many times slower.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help install run sample viz serve lint quick test lock clean
.DEFAULT_GOAL := help

help: ## Show this list.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# uv takes another index from pip's settings, unless it has one itself.
UV = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$$($(BIN)/pip config list | \
	sed -n "s/^[^=]*\.index-url='\(.*\)'$$/\1/p" | head -1)}" $(BIN)/uv
# Whatever is built on the way is built by locked tools too.
PIP_INSTALL = $(UV) pip install --quiet --python $(BIN)/python --build-constraint requirements.lock

$(VENV)/.uv: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock | \
		$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement /dev/stdin
	$(PIP_INSTALL) --no-deps --editable .
	@touch $@

# What an extra needs, of the versions in the one lock; a file with another hash is refused.
$(EXTRAS:%=$(VENV)/.%): $(VENV)/.%: $(VENV)/.uv
	$(PIP_INSTALL) --require-hashes --constraint requirements.lock \
		--requirement pyproject.toml --extra $*
	@touch $@

install: $(VENV)/.dev ## Everything, tools included, into the virtual environment.

run: $(VENV)/.pipelines ## Data processing, model selection, training and the report.
	$(BIN)/kedro run

sample: $(VENV)/.pipelines ## Simulate the shipped sample anew; the same bytes come out.
	$(BIN)/kedro run --pipelines sample_data
	$(BIN)/kedro run --pipelines feature_engineering,sample_frame \
		--params feature_options.first_order_date=2020-10-05

viz: $(VENV)/.pipelines $(VENV)/.viz ## The pipelines and their figures in the browser.
	$(BIN)/kedro viz run

serve: $(VENV)/.pipelines $(VENV)/.api ## The reference service, with what was published last.
	$(BIN)/push-propensity-api

lint: install ## Formatting, lint, types and layers.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: install ## The fast tests alone.
	$(BIN)/pytest --numprocesses=auto --dist=loadfile -m "not slow and not browser and not spark" \
		$(TEST_FLAGS)

test: install lint ## Every check and test, with coverage.
	$(BIN)/coverage erase
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --cov --cov-report=term \
		--cov-fail-under=95 $(TEST_FLAGS)

lock: $(VENV)/.uv ## Resolve every dependency anew, for all systems and versions of Python.
	$(UV) pip compile pyproject.toml --extra dev --extra benchmarks --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--custom-compile-command "make lock" --output-file requirements.lock

clean: ## Remove the virtual environment and the tools' caches, never data.
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
