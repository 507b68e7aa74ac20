# Everything a person needs who works on this project; 'make help' lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# The processes that tests start would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PYTHON := $(VENV)/bin/python
# Modules are compiled when they are first imported: most of what is installed never is.
PIP := -m pip install --quiet --no-compile
# Words in the names of the modules of tests that drive whole jobs in napari.
WHOLE_JOBS := (main_job and not cells and not recordings) or reader or writer or manifest
# One test at a time in each of several processes, one more than there are cores: tests wait for
# processes and windows. '-n 0' at the end: all in one process.
CORES := $(shell nproc 2>/dev/null || echo 2)
PROCESSES := $(shell echo $$(($(CORES) + 1)))
PYTEST := -m pytest --numprocesses $(PROCESSES) --maxprocesses 8
# ... which steal work from one another: not where tests share a viewer, whose order counts.
STEALING := --dist worksteal
# Without long tests that go a way of others, and of slow ones that come in variants, all but one:
# 'make test-thorough' tries those.
EACH := -m "not thorough"
# Threads of linear algebra wait for one another on the cores that other tests use: a tenth of all.
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
ON_PATH := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

help:            ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed system-libraries  ## align a generated z-stack and show it (pictures in ./demo without a display)
	@$(VENV)/bin/zstack-align demo --out demo

test:            ## all checks and all tests
	@for part in lint test-gui test-core; do \
	    $(MAKE) --no-print-directory $$part || failed="$${failed:-} $$part"; \
	done; \
	[ -z "$${failed:-}" ] || { echo "Failed:$$failed"; exit 1; }

test-fast: $(VENV)/installed system-libraries  ## the tests that take no longer than a second or so each
	@$(ONE_THREAD) $(PYTHON) $(PYTEST) $(STEALING) -m "not slow and not thorough"

test-timing: $(VENV)/installed system-libraries  ## how long a person waits; needs a machine with nothing else to do
	@$(PYTHON) -m pytest -m timing

test-thorough: $(VENV)/installed  ## the long tests and variants that 'make test' leaves out (slow)
	@$(ONE_THREAD) $(PYTHON) $(PYTEST) $(STEALING) -m thorough

test-kills: $(VENV)/installed  ## kill saves, runs and exports after every operation on a file, not every n-th (slow)
	@$(ONE_THREAD) ZALIGN_KILL_EVERY=1 $(PYTHON) $(PYTEST) $(STEALING) -k kill tests/cli tests/saved tests/write

test-core: .venv-core/installed  ## the tests of the core, without Qt and napari
	@! .venv-core/bin/python -c "import qtpy" 2>/dev/null
	@! .venv-core/bin/python -c "import napari" 2>/dev/null
	@$(ONE_THREAD) .venv-core/bin/python $(PYTEST) $(STEALING) $(EACH) --ignore=tests/gui

test-gui: $(VENV)/installed system-libraries  ## the tests of the panel alone
	@$(ONE_THREAD) $(PYTHON) $(PYTEST) $(EACH) tests/gui

test-oldest: .venv-oldest/installed system-libraries  ## all tests with the oldest supported dependencies
	@$(ONE_THREAD) .venv-oldest/bin/python $(PYTEST)

test-oldest-gui: .venv-oldest/installed system-libraries  ## those of them that drive whole jobs in napari
	@$(ONE_THREAD) .venv-oldest/bin/python $(PYTEST) $(EACH) tests/gui -k "$(WHOLE_JOBS)"

mutants: $(VENV)/installed  ## turn off one step of the code at a time; report changes that no test notices (slow)
	@$(PYTHON) scripts/mutants.py $(ARGS)

fuzz: $(VENV)/installed  ## spoil good files at random for FUZZ_MINUTES (10); report what isn't refused in a sentence
	@$(PYTHON) scripts/fuzz.py $(ARGS)

lint: $(VENV)/installed  ## style, types, import rules, manifest, docs
	@$(ON_PATH) pre-commit run --all-files

docs: $(VENV)/installed system-libraries  ## the generated pages and pictures of docs/
	@$(PYTHON) scripts/make_parameters_page.py
	@$(PYTHON) scripts/make_formats_page.py
	@$(PYTHON) scripts/make_screenshots.py

wheel: $(VENV)/installed system-libraries  ## build the wheel and try it in a clean environment (QT=pyside6: with PySide6)
	@scripts/check_wheel.sh $(PYTHON) $(QT)

bench: $(VENV)/installed  ## accuracy, speed and memory against known truth (see benchmarks/README.md)
	@$(PYTHON) benchmarks/adaptive.py $(or $(ARGS),--methods ours)

bench-recordings: $(VENV)/installed  ## the same for recordings
	@$(PYTHON) benchmarks/recordings.py $(ARGS)

clean:           ## remove everything that was made here, the environments too
	@rm -rf .venv .venv-core .venv-oldest build dist demo .mypy_cache .ruff_cache .pytest_cache \
	    .import_linter_cache .hypothesis

system-libraries:
	@scripts/install_system_libraries.sh

# One environment each, made anew where pyproject.toml has changed.
.venv/installed: EXTRA = [all]
.venv/installed: GROUPS = test lint
.venv-core/installed: EXTRA =
.venv-core/installed: GROUPS = core-test
# 'all' of the oldest napari means PyQt5; the manifest engine is the one that came with it
.venv-oldest/installed: EXTRA = [gui]
.venv-oldest/installed: PACKAGES = "napari[pyqt6]" "npe2==0.7.9"
.venv-oldest/installed: GROUPS = test
.venv-oldest/installed: CONSTRAINTS = .venv-oldest/constraints.txt
# the oldest dependencies have wheels for the oldest Python
.venv-oldest/installed: FIRST_PYTHON = python3.11

%/installed: pyproject.toml scripts/find_python.sh scripts/lower_bounds.py
	@echo "Setting up $(@D) (a few minutes the first time)"
	@python=$$(scripts/find_python.sh $(FIRST_PYTHON)) && "$$python" -m venv $(@D)
	@$(@D)/bin/python $(PIP) --upgrade pip
	@$(if $(CONSTRAINTS),$(@D)/bin/python scripts/lower_bounds.py $(GROUPS) > $(CONSTRAINTS))
	@$(@D)/bin/python $(PIP) --editable ".$(EXTRA)" $(PACKAGES) $(addprefix --group ,$(GROUPS)) \
	    $(addprefix --constraint ,$(CONSTRAINTS))
	@touch $@

.PHONY: help demo test test-fast test-timing test-thorough test-kills test-core test-gui test-oldest test-oldest-gui mutants fuzz lint docs wheel bench bench-recordings clean system-libraries
