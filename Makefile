# `make run` does the main job on the data in data/01_raw; `make test` runs every check.
# Both set up what they need in $(VENV) first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TEST_FLAGS ?=

# Threads that wait for work sleep instead of spinning, which on a busy machine makes boosting
# many times slower.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help install run sample viz test lint lock clean
.DEFAULT_GOAL := help

help: ## Show this list.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: $(VENV)/.installed ## Create the virtual environment with exact versions.

run: install ## Data processing, model selection, training and the report.
	$(BIN)/kedro run

sample: install ## Simulate the shipped sample anew; the same bytes come out.
	$(BIN)/kedro run --pipelines sample_data
	$(BIN)/kedro run --pipelines feature_engineering,sample_frame \
		--params feature_options.first_order_date=2020-10-05

viz: install ## The pipelines and their figures in the browser.
	$(BIN)/kedro viz run

lint: install ## Formatting, lint, types and layers.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install lint ## Every check and test, with coverage.
	$(BIN)/coverage erase
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --cov --cov-report=term \
		--cov-fail-under=95 $(TEST_FLAGS)

LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

lock: install ## Resolve the dependencies anew, of everything and of the service alone.
	$(LOCK) --extra dev --output-file requirements.lock
	$(LOCK) --extra api --constraint requirements.lock --output-file requirements-api.lock

clean: ## Remove the virtual environment and the tools' caches, never data.
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
