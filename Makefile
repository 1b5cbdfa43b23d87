# The commands of the project, one thin layer over the `aimc` command line.
# `make help` lists them; every target sets up what it needs by itself.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Empty: the first of python3.11 to python3.14 and python3 that has what is needed.
PYTHON ?=
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
SWEEP =
WORKERS =
MEMORY_LIMIT =
CLUSTER = local
CLUSTER_SETTINGS =
PYTEST_ARGS =
# Whole files, so that what a file's tests share is made once; `PYTEST_ARGS="-n 0"` is one process.
PYTEST_WORKERS = -n auto --maxprocesses 8 --dist loadfile
# Recipes read what a user names from the environment: no name is ever shell text.
export PYTHON MODEL MAPPING DROP STRATEGY SYSTEM ENGINE IMAGES INPUT SET DATASET OUT WORKLOAD
export SWEEP WORKERS MEMORY_LIMIT CLUSTER CLUSTER_SETTINGS

# Names of targets cannot have spaces.  The checkout's own path may: everything here is relative.
ifneq ($(words $(VENV)),1)
$(error VENV must be one path without spaces: '$(VENV)')
endif

NATIVE_SOURCES := $(shell find aimc_tile harness kernels/include kernels/src -name '*.cc' -o -name '*.hh' -o -name '*.h' -o -name 'headers.c' -o -name '*.inc' -o -name CMakeLists.txt)
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
	@echo 'make sweep    simulate many configurations, and show what time and energy depend on'
	@echo '                e.g. make sweep SWEEP=workloads/sweeps/tiles.yaml WORKERS=8'
	@echo '                     make sweep SWEEP=my.yaml CLUSTER=slurm CLUSTER_SETTINGS=slurm.yaml WORKERS=64'
	@echo 'make models   list the built-in networks            e.g. make models'
	@echo 'make presets  list the presets and their sources    e.g. make presets'
	@echo 'make doctor   check this machine                    e.g. make doctor'
	@echo 'make train    train a shipped workload again        e.g. make train WORKLOAD=lenet5'
	@echo 'make bench    the figures the project holds itself to  e.g. make bench'
	@echo 'make test     run the tests                         e.g. make test PYTEST_ARGS="-k quant"'
	@echo 'make lint     ruff, mypy, clang-format, C++ tests   e.g. make lint'
	@echo 'make format   rewrite sources in the house format   e.g. make format'
	@echo 'make setup    only install (into .venv)             e.g. make setup PYTHON=python3.12'
	@echo 'make wheel    a wheel for other machines, in dist/  e.g. make wheel'
	@echo 'make clean    remove builds and caches, keep runs   e.g. make clean'
	@echo
	@echo 'Variables: MODEL MAPPING SYSTEM ENGINE IMAGES INPUT DATASET OUT SET; aimc run --help explains them.'
	@echo '           DROP STRATEGY (make map); aimc map --help explains them.'
	@echo '           SWEEP WORKERS MEMORY_LIMIT CLUSTER CLUSTER_SETTINGS (make sweep); aimc sweep run --help.'

$(VENV)/pyvenv.cfg:
	@python=$$(setup/choose_python.sh) && echo "Setting up $(VENV) with $$python (once)" && \
	  "$$python" -m venv --clear '$(VENV)'

$(VENV)/.ready: $(VENV)/pyvenv.cfg pyproject.toml requirements.lock CMakeLists.txt $(NATIVE_SOURCES)
	@PYTHON=$(BIN)/python setup/choose_python.sh >/dev/null
	@$(BIN)/python setup/install.py
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@echo 'For tests and training:'
	@$(BIN)/python setup/install.py cluster dev train
	@touch $@

$(VENV)/.ready-cluster: $(VENV)/.ready
	@[ $(VENV)/.ready-dev -nt $(VENV)/.ready ] || \
	  { echo 'For sweeps:'; $(BIN)/python setup/install.py cluster; }
	@touch $@

.PHONY: setup
setup: $(VENV)/.ready

# What a user names on make's command line and the target does not use is refused, not ignored.
VARIABLES := MODEL MAPPING DROP STRATEGY SYSTEM ENGINE GEM5 IMAGES INPUT SET DATASET OUT WORKLOAD \
  SWEEP WORKERS MEMORY_LIMIT CLUSTER CLUSTER_SETTINGS
USED_BY_sim := MODEL MAPPING SYSTEM ENGINE $(if $(filter gem5,$(ENGINE)),GEM5) IMAGES INPUT SET DATASET OUT
USED_BY_map := MODEL DROP STRATEGY SYSTEM INPUT SET DATASET OUT
USED_BY_sweep := SWEEP WORKERS MEMORY_LIMIT CLUSTER CLUSTER_SETTINGS OUT GEM5
USED_BY_train := WORKLOAD DATASET
unused = $(strip $(foreach name,$(filter-out $(USED_BY_$1),$(VARIABLES)),$(if $(findstring command,$(origin $(name))),$(name))))

.PHONY: sim-variables map-variables sweep-variables train-variables
sim-variables map-variables sweep-variables train-variables: %-variables:
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

.PHONY: sweep sweep-is-named
sweep-is-named:
	@test -n "$$SWEEP" || { echo 'error: say which sweep file: make sweep SWEEP=workloads/sweeps/tiles.yaml' >&2; exit 2; }
sweep: sweep-variables sweep-is-named $(VENV)/.ready-cluster
	@options=(); \
	  [ -z "$$WORKERS" ] || options+=(--workers "$$WORKERS"); \
	  [ -z "$$MEMORY_LIMIT" ] || options+=(--memory-limit "$$MEMORY_LIMIT"); \
	  [ -z "$$CLUSTER_SETTINGS" ] || options+=(--cluster-settings "$$CLUSTER_SETTINGS"); \
	  [ "$$OUT" = runs ] || options+=(--out "$$OUT"); \
	  $(AIMC) sweep run "$$SWEEP" --cluster "$$CLUSTER" "$${options[@]}"

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
	@echo 'Running the tests (all of them: about ten minutes on two cores)'
	@$(BIN)/python -m pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

.PHONY: lint
lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)
	@mkdir -p build/cxx-tests
	@$(BIN)/cmake -DAIMC_BUILD_TESTS=ON -DAIMC_WERROR=ON -DCMAKE_BUILD_TYPE=Release -S . -B build/cxx-tests \
	  >build/cxx-tests/cmake.log || { cat build/cxx-tests/cmake.log >&2; exit 1; }
	@$(BIN)/cmake --build build/cxx-tests --parallel 2 >build/cxx-tests/build.log || \
	  { cat build/cxx-tests/build.log >&2; exit 1; }
	@$(BIN)/ctest --test-dir build/cxx-tests --output-on-failure

# One wheel for Python 3.11, one for 3.12 and later; docs/development.md has more.
.PHONY: wheel
wheel: $(VENV)/.ready-dev
	@rm -rf build/wheel
	@echo 'Building the wheel (compiles the native modules, about a minute)'
	@PIP_CONSTRAINT=requirements.lock $(PIP) wheel --quiet --no-deps --wheel-dir build/wheel .
	@PATH="$(BIN):$$PATH" $(BIN)/python -m auditwheel repair --wheel-dir dist build/wheel/*.whl

.PHONY: format
format: $(VENV)/.ready-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/clang-format -i $(CXX_FILES)

.PHONY: clean
clean:
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
