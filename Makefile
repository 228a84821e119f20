PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check bench cpus clean help

demo: $(VENV)/.runtime ## One label on a picture, without torch: under a minute
	$(BIN)/edgecnn classify samples/images/school_bus.jpg

test: $(VENV)/.all ## Everything the tests need, then the tests; PYTEST='-k camera -x' chooses
	$(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/.all ## Lint, format, strict types, import boundaries
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/whole/test_boundaries.py -k "imports or circle or idea"

bench: $(VENV)/.all ## The figures of benchmarks/RESULTS.md; EDGECNN_DATA names the folder of data sets
	$(BIN)/python benchmarks/run.py

cpus: $(VENV)/.all ## The model files on other processors, emulated: x86 without VNNI and Arm Cortex-A72
	PYTHON=$(BIN)/python bash .ci/cpus.sh

clean: ## Remove the virtual environment and what was built
	rm -rf $(VENV) dist build

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Where the interpreter already has torch and torchvision that fit together, they are used instead of downloaded.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "edgecnn needs Python 3.11 or newer"'
	@if $(PYTHON) -c 'import torch, torchvision; torch.ops.torchvision.nms' 2>/dev/null; then \
	  $(PYTHON) -m venv --system-site-packages $(VENV); else $(PYTHON) -m venv $(VENV); fi

$(VENV)/.runtime: $(VENV)/bin/python pyproject.toml runtime/pyproject.toml
	$(PIP) -e './runtime[cpu]' -e .
	@touch $@

# torch and torchvision must come together: a CPU-only torch beside another torchvision fails at import.
$(VENV)/.all: $(VENV)/.runtime pyproject.toml export/pyproject.toml runtime/pyproject.toml
	@$(BIN)/python -c 'import torch, torchvision; torch.ops.torchvision.nms' 2>/dev/null || $(PIP) torch torchvision
	$(PIP) -e './runtime[cpu,live]' -e ./export -e '.[all]' $$($(BIN)/python .ci/groups.py test check)
	@touch $@
