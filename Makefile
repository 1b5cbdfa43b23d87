# The commands of the project, one thin layer over the `aimc` command line.
# `make help` lists them; every target sets up what it needs by itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
AIMC := $(BIN)/aimc

MODEL = vgg16
MAPPING = analog
DROP =
STRATEGY =
SYSTEM = alpine-hp
ENGINE = embedded
IMAGES =
INPUT =
SET =
DATASET =
OUT = runs
WORKLOAD = lenet5
PYTEST_ARGS =
# Whole files, so that what a file's tests share is made once; `PYTEST_ARGS="-n 0"` is one process.
PYTEST_WORKERS = -n auto --maxprocesses 8 --dist loadfile
# Recipes read what a user names from the environment: no name is ever shell text.
export MODEL MAPPING DROP STRATEGY SYSTEM ENGINE IMAGES INPUT SET DATASET OUT WORKLOAD

NATIVE_SOURCES := $(shell find aimc_tile harness -name '*.cc' -o -name '*.hh' -o -name '*.h' -o -name '*.inc' -o -name CMakeLists.txt)
CXX_FILES = $(shell git ls-files '*.c' '*.h' '*.cc' '*.hh')
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help
help: ## This list
	@echo 'make sim      simulate a network, all-digital and mapped, and compare'
	@echo '                e.g. make sim MODEL=vgg16'
	@echo '                     make sim MODEL=path/net.onnx MAPPING=digital SYSTEM=alpine-lp'
	@echo '                     make sim MODEL=lenet5 IMAGES=20 SET="system.tile.noise=true"'
	@echo '                     make sim MODEL=lenet5 ENGINE=gem5 GEM5=/path/to/gem5.opt IMAGES=1'
	@echo 'make map      find which layers may be analog within DROP points of accuracy'
	@echo '                e.g. make map MODEL=lenet5 DROP=1.0'
	@echo '                     make map MODEL=resnet20 DROP=1.0 DATASET=data STRATEGY=benefit'
	@echo '                     make map MODEL=lenet5 DROP="0.5 1 2"'
	@echo '                     make sim MODEL=lenet5 MAPPING=mappings/lenet5-macs-1/mapping.json'
	@echo 'make models   list the built-in networks            e.g. make models'
	@echo 'make presets  list the presets and their sources    e.g. make presets'
	@echo 'make doctor   check this machine                    e.g. make doctor'
	@echo 'make train    train a shipped workload again        e.g. make train WORKLOAD=lenet5'
	@echo 'make bench    the figures the project holds itself to  e.g. make bench'
	@echo 'make test     run the tests                         e.g. make test PYTEST_ARGS="-k quant"'
	@echo 'make lint     ruff, mypy, clang-format, C++ tests   e.g. make lint'
	@echo 'make format   rewrite sources in the house format   e.g. make format'
	@echo 'make setup    only install (into .venv)             e.g. make setup PYTHON=python3.11'
	@echo 'make clean    remove builds and caches, keep runs   e.g. make clean'
	@echo
	@echo 'Variables: MODEL MAPPING SYSTEM ENGINE IMAGES INPUT DATASET OUT SET; aimc run --help explains them.'
	@echo '           DROP STRATEGY (make map); aimc map --help explains them.'

# The version check comes first: everything after it would fail less clearly.
$(VENV)/pyvenv.cfg:
	@test -n '$(PYTHON)' || { echo 'error: no python3 found; install Python 3.11' >&2; exit 2; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "error: $(PYTHON) is not Python 3.11; name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo 'error: Python has no venv module; on Debian and Ubuntu: apt-get install python3.11-venv' >&2; exit 2; }
	@command -v c++ >/dev/null || \
	  { echo 'error: no C++ compiler; on Debian and Ubuntu: apt-get install g++' >&2; exit 2; }
	@echo 'Setting up $(VENV) (once)...'
	@'$(PYTHON)' -m venv --clear '$(VENV)'

$(VENV)/.ready: $(VENV)/pyvenv.cfg pyproject.toml requirements.lock CMakeLists.txt $(NATIVE_SOURCES)
	@echo 'Installing the harness and building its native parts...'
	@PIP_CONSTRAINT='$(CURDIR)/requirements.lock' $(PIP) install --quiet --quiet --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@echo 'Installing what the tests and training need...'
	@PIP_CONSTRAINT='$(CURDIR)/requirements.lock' $(PIP) install --quiet --quiet --editable '.[dev,train]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready

# What a user names on make's command line and the target does not use is refused, not ignored.
VARIABLES := MODEL MAPPING DROP STRATEGY SYSTEM ENGINE GEM5 IMAGES INPUT SET DATASET OUT WORKLOAD
USED_BY_sim := MODEL MAPPING SYSTEM ENGINE $(if $(filter gem5,$(ENGINE)),GEM5) IMAGES INPUT SET DATASET OUT
USED_BY_map := MODEL DROP STRATEGY SYSTEM INPUT SET DATASET OUT
USED_BY_train := WORKLOAD DATASET
unused = $(strip $(foreach name,$(filter-out $(USED_BY_$1),$(VARIABLES)),$(if $(findstring command,$(origin $(name))),$(name))))

.PHONY: sim-variables map-variables train-variables
sim-variables map-variables train-variables: %-variables:
	@[ -z '$(call unused,$*)' ] || \
	  { echo 'error: make $* does not use $(call unused,$*); it uses $(strip $(USED_BY_$*))' >&2; exit 2; }

.PHONY: sim
sim: sim-variables $(VENV)/.ready
	@options=(); \
	  [ -z "$$IMAGES" ] || options+=(--images "$$IMAGES"); \
	  [ -z "$$INPUT" ] || options+=(--input "$$INPUT"); \
	  [ -z "$$DATASET" ] || options+=(--dataset "$$DATASET"); \
	  for pair in $$SET; do options+=(--set "$$pair"); done; \
	  $(AIMC) run "$$MODEL" --mapping "$$MAPPING" --system "$$SYSTEM" --engine "$$ENGINE" --out "$$OUT" \
	    "$${options[@]}"

.PHONY: map drop-is-named
drop-is-named:
	@test -n "$$DROP" || { echo 'error: say how many points of accuracy may be lost: make map MODEL=lenet5 DROP=1.0' >&2; exit 2; }
map: map-variables drop-is-named $(VENV)/.ready-dev
	@options=(); \
	  [ -z "$$STRATEGY" ] || options+=(--strategy "$$STRATEGY"); \
	  [ -z "$$INPUT" ] || options+=(--input "$$INPUT"); \
	  [ -z "$$DATASET" ] || options+=(--dataset "$$DATASET"); \
	  [ "$$OUT" = runs ] || options+=(--out "$$OUT"); \
	  for pair in $$SET; do options+=(--set "$$pair"); done; \
	  for points in $$DROP; do options+=(--drop "$$points"); done; \
	  $(AIMC) map "$$MODEL" --system "$$SYSTEM" "$${options[@]}"

.PHONY: models presets doctor
models presets doctor: $(VENV)/.ready
	@$(AIMC) $@

.PHONY: train
train: train-variables $(VENV)/.ready-dev
	@options=(); \
	  [ -z "$$DATASET" ] || options+=(--dataset "$$DATASET"); \
	  $(AIMC) train "$$WORKLOAD" "$${options[@]}"

.PHONY: bench
bench: $(VENV)/.ready-dev
	@for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python "$$benchmark"; done

.PHONY: test
test: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

.PHONY: lint
lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)
	@mkdir -p build/cxx-tests
	@cd build/cxx-tests && '$(CURDIR)/$(BIN)/cmake' -DAIMC_BUILD_TESTS=ON -DAIMC_WERROR=ON -DCMAKE_BUILD_TYPE=Release ../.. >cmake.log || \
	  { cat cmake.log >&2; exit 1; }
	@$(BIN)/cmake --build build/cxx-tests --parallel 2 >build/cxx-tests/build.log || \
	  { cat build/cxx-tests/build.log >&2; exit 1; }
	@cd build/cxx-tests && '$(CURDIR)/$(BIN)/ctest' --output-on-failure

.PHONY: format
format: $(VENV)/.ready-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/clang-format -i $(CXX_FILES)

.PHONY: clean
clean:
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
