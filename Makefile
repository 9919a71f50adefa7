# Each target sets up what it needs: the virtual environment is made anew only when pyproject.toml changes.

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
DATA ?= .daybook
PORT ?= 8000

INSTALLED := $(VENV)/.installed

.PHONY: help install demo run test test-all test-browser lint format bench clean

help:
	@echo "make demo      play a bank's day on a sandbox of its own, and show the books"
	@echo "make run       start a sandbox service on port $(PORT), its data in $(DATA)"
	@echo "make test      run the tests but for the slow ones"
	@echo "make test-all  run all tests but those in a browser"
	@echo "make test-browser  run those: needs Chromium"
	@echo "make lint      check style, format and types"
	@echo "make format    put style and format right"
	@echo "make bench     measure speed against pgbench on this machine"
	@echo "make clean     remove the virtual environment and caches; data stays"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(INSTALLED)

demo: $(INSTALLED)
	@$(VENV)/bin/daybook demo

run: $(INSTALLED)
	$(VENV)/bin/daybook serve --sandbox --data $(DATA) --port $(PORT)

test: $(INSTALLED)
	$(VENV)/bin/python -m pytest -n 2 -m "not slow" --ignore=tests/browser

test-all: $(INSTALLED)
	$(VENV)/bin/python -m pytest -n 2 --ignore=tests/browser

test-browser: $(INSTALLED)
	$(VENV)/bin/python -m pytest tests/browser

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(INSTALLED)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(INSTALLED)
	$(VENV)/bin/python -m bench

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
