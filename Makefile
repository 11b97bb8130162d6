# For GNU Make 3.81 (what macOS has) and newer. Everything made lies in .venv and build/.
SHELL := /bin/sh
BIN := .venv/bin
INSTALLED := .venv/.installed
# Two tests at once: the suite waits for two databases, and small machines have two cores. Each takes one half, file
# after file, so that what a file prepares is made once; who is through first helps the other.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
N ?= 100000
REPEAT ?= 3
SPEED ?= 30

.PHONY: help demo monitor test test-fast test-slow lint format lock revision pictures vscode bench-json install clean

help:
	@echo 'make demo        run the example: a music shop through its first campaigns'
	@echo 'make monitor     watch that shop go on, in the terminal; SPEED=$(SPEED) virtual days a minute'
	@echo 'make test        the tests, on SQLite and PostgreSQL; lint, types and contracts too'
	@echo 'make test-fast   those of the language alone, in seconds'
	@echo 'make test-slow   those that make test leaves out: kills, races and random programs by the hundred'
	@echo 'make lint        ruff, types, dependencies, import contracts'
	@echo 'make format      rewrite the Python files in the one style'
	@echo 'make lock        renew requirements.lock from pyproject.toml'
	@echo 'make revision    M="what changes": the change in sql/tables.py as a migration'
	@echo 'make pictures    those of docs/monitor.md, from the demo'
	@echo 'make vscode      package the extension for VS Code; takes Node.js'
	@echo 'make bench-json  measure; N=$(N) customers, the middle of REPEAT=$(REPEAT) runs, JSON on stdout'
	@echo 'make clean       remove .venv, build/ and caches'

$(INSTALLED): requirements.lock pyproject.toml
	@sh tools/setup.sh

install: $(INSTALLED)

demo: $(INSTALLED)
	@$(BIN)/python examples/music_shop/demo.py

# SPEED: virtual days a minute.
monitor: $(INSTALLED)
	@$(BIN)/python examples/music_shop/live.py --speed $(SPEED)

test: $(INSTALLED)
	@$(PYTEST) -m 'not slow'

test-fast: $(INSTALLED)
	@$(PYTEST) -m 'not slow' tests/syntax tests/language tests/check tests/model tests/diagnostics tests/sql

test-slow: $(INSTALLED)
	@$(PYTEST) -m slow

# The commands stand in tests/test_quality.py alone, so that this and `make test` cannot differ.
lint: $(INSTALLED)
	@$(BIN)/python -m pytest tests/test_quality.py tests/test_architecture.py

format: $(INSTALLED)
	@$(BIN)/ruff check --fix-only --exit-zero --quiet .
	@$(BIN)/ruff format .

lock:
	@sh tools/lock.sh

# M says what changes, in a few words.
revision: $(INSTALLED)
	@$(BIN)/python -m tools.revision "$(M)"

# Of docs/monitor.md; after `make demo`.
pictures: $(INSTALLED)
	@$(BIN)/python -m tools.pictures

# From the npm registry, as the lock file says.
vscode: build/flowrules.vsix

build/flowrules.vsix: $(INSTALLED) tools/vsix.py LICENSE $(wildcard editors/vscode/*.* editors/vscode/syntaxes/*)
	@$(BIN)/python -m tools.vsix

bench-json: $(INSTALLED)
	@$(BIN)/python -m bench.run --json --n $(N) --repeat $(REPEAT)

clean:
	rm -rf .venv build .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
