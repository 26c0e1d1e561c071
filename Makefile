# Every target that needs the environment makes it first. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: setup setup-cluster setup-flash-attn on-gpu reproduce shard known-experiment one-config test test-arms test-cluster lint lock clean help

EXPERIMENT ?= default
PYTHON ?= python3.11
VENV ?= .venv
ARGS ?=
SEEDS ?=
ARMS ?=
# Recipes have them from their environment: no quotation mark in a file's name ends a shell's word.
export EXPERIMENT SEEDS ARMS
ifndef PLATFORM
PLATFORM := $(shell nvidia-smi -L 2>/dev/null | grep -q '^GPU' && echo gpu || echo cpu)
endif
ifeq ($(filter cpu gpu,$(PLATFORM)),)
$(error PLATFORM=$(PLATFORM): allowed are cpu and gpu)
endif
# Files are read as UTF-8, whatever the locale; and where HOME cannot be written, Snakemake's cache is beside its own files.
export PYTHONUTF8 := 1
ifneq ($(shell test -d "$$HOME" && test -w "$$HOME" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif
# A path of make's has no space; the checkout's own may have.
ifneq ($(words $(VENV)),1)
$(error VENV=$(VENV): allowed is a path without a space)
endif

LOCK := requirements/$(PLATFORM).lock
BIN := $(abspath $(VENV))/bin
SITE := $(abspath $(VENV))/lib/python3.11/site-packages
STAMP := $(VENV)/.complete-$(PLATFORM)
PIP = "$(BIN)/python" -m pip --disable-pip-version-check -qq
RUN = PATH="$(BIN):$$PATH"
pinned = $(shell grep '^$(1)==' $(LOCK))

# uv resolves the locks, and knows PyTorch's own CPU index by the name "cpu"; nothing else goes through it.
UV_VERSION := 0.13.9
UV := .uv/$(UV_VERSION)/bin/uv
need_uv = $(UV) --version >/dev/null 2>&1 || { $(PYTHON) -m venv .uv/$(UV_VERSION) && .uv/$(UV_VERSION)/bin/python -m pip install -qq uv==$(UV_VERSION); }
compile = $(UV) pip compile -q pyproject.toml --extra $(1) --extra dev --python-version 3.11 --python-platform x86_64-manylinux_2_28 --custom-compile-command "make lock" $(2) $(ARGS) -o requirements/$(1).lock >/dev/null

# Asked only when something has to be installed, and answered before anything is.
has_python = $(shell $(PYTHON) -c 'import ensurepip, os, sys, sysconfig; header = os.path.join(sysconfig.get_path("include"), "Python.h"); print(sys.version_info[:2] == (3, 11) and os.path.exists(header))' 2>/dev/null)
has_gcc = $(shell command -v gcc)
made_for = $(shell cat $(VENV)/.platform 2>/dev/null)

setup: $(STAMP)  ## make .venv from requirements/cpu.lock, or gpu.lock where nvidia-smi lists a GPU (PLATFORM=cpu|gpu)

# The stamp is written last, so a setup that was cut short is taken up again by the next call.
$(STAMP): $(LOCK) pyproject.toml requirements/vllm-meta/pyproject.toml
	$(if $(filter True,$(has_python)),,$(error $(PYTHON) is not a Python 3.11 with its venv module and headers: install it, or name one with PYTHON=))
	$(if $(has_gcc),,$(error gcc is missing: install a C compiler, some packages are built here))
	$(if $(filter-out $(PLATFORM),$(made_for)),$(error $(VENV) was made for PLATFORM=$(made_for): remove it, or name another with VENV=))
	@mkdir -p $(VENV) && echo $(PLATFORM) > $(VENV)/.platform && rm -f $@
	@# pip takes a package whose unpacking was cut short for installed: it has METADATA, but no INSTALLER yet.
	@if [ -d "$(SITE)" ]; then \
	    find "$(SITE)" -maxdepth 1 -name '*.dist-info' ! -exec test -e '{}/INSTALLER' \; -exec rm -r '{}' +; fi
	@"$(BIN)/python" -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@echo "setup: installing $$(grep -c '^[a-z]' $(LOCK)) packages of $(LOCK) into $(VENV), a few minutes"
ifeq ($(PLATFORM),cpu)
	@# A wheel directory or a mirror that pip is configured with may hold torch's CPU build; the default index does not.
	@$(PIP) install --no-deps --no-compile $(call pinned,torch) 2>$(VENV)/torch.log || { \
	    grep -q 'No matching distribution' $(VENV)/torch.log || { cat $(VENV)/torch.log >&2; exit 1; }; \
	    echo "setup: pip finds no $(call pinned,torch), so it comes from PyTorch's own CPU index"; \
	    $(need_uv); \
	    $(UV) pip install -q --python "$(BIN)/python" --no-deps --torch-backend cpu $(call pinned,torch); }
endif
	@# Packages without a wheel are built with the locked setuptools, not with whatever is newest that day.
	@$(PIP) install --no-deps $(call pinned,setuptools)
	@$(PIP) install --no-deps --no-build-isolation --no-compile -r $(LOCK)
ifeq ($(PLATFORM),cpu)
	@$(PIP) install --no-deps --no-build-isolation ./requirements/vllm-meta
endif
	@$(PIP) install --no-deps --no-build-isolation -e .
	@# Byte-compiled here on all cores: pip would use one. Fails on packages' templates, which are no Python yet.
	@PYTHONWARNINGS=ignore "$(BIN)/python" -m compileall -qq -j 0 -x '/tests/' "$(SITE)" || true
	@touch $@ && echo "setup: $(VENV) is complete"

setup-cluster: $(VENV)/.complete-cluster  ## the same, with what Snakemake needs to submit its jobs to Slurm (docs/run-at-scale.md)

$(VENV)/.complete-cluster: $(STAMP) requirements/cluster.lock
	@$(PIP) install --no-deps -r requirements/cluster.lock
	@touch $@

setup-flash-attn: on-gpu $(VENV)/.complete-flash-attn  ## the same on a GPU, with flash attention, which training there wants (docs/run-at-scale.md)

$(VENV)/.complete-flash-attn: $(STAMP) requirements/flash-attn.lock
	@$(PIP) install --no-deps --no-build-isolation -r requirements/flash-attn.lock
	@touch $@

# Before the environment, as known-experiment.
on-gpu:
	$(if $(filter gpu,$(PLATFORM)),,$(error flash attention is of GPUs: PLATFORM=gpu, where they are on other machines))

reproduce: known-experiment $(STAMP)  ## run the comparison of config/$(EXPERIMENT).yaml into results/$(EXPERIMENT)/ (EXPERIMENT=default)
	@# What Snakemake would end with a traceback of.
	@$(RUN) python -m workflow.documents "config/$$EXPERIMENT.yaml"
	@# In make's own place: signals reach it. Snakemake's lock outlives a killed Snakemake; the workflow has a better one.
	@exec env $(RUN) EAPO_FOLLOW_PARENT=1 \
	    snakemake --cores all --nolock --rerun-incomplete --configfile "config/$$EXPERIMENT.yaml" $(ARGS)

shard: known-experiment one-config $(STAMP)  ## make SEEDS (all) of ARMS (all) of config/$(EXPERIMENT).yaml into a folder to keep and merge: docs/shards.md
	@$(RUN) python -m workflow.documents "config/$$EXPERIMENT.yaml"
	@exec env $(RUN) EAPO_FOLLOW_PARENT=1 \
	    snakemake shard --cores all --nolock --rerun-incomplete --configfile "config/$$EXPERIMENT.yaml" \
	    --config shard_seeds="$$SEEDS" shard_arms="$$ARMS" $(ARGS)

# A second --config replaces the first, and would make the whole experiment of a shard without a word.
one-config:
	$(if $(filter --config --config=% -C,$(ARGS)),$(error ARGS=$(ARGS): --config would take the place of SEEDS and ARMS: write its values into config/$(EXPERIMENT).yaml))

# Before the environment: a misspelt name should not cost the minutes of a setup.
known-experiment:
	$(if $(wildcard config/$(EXPERIMENT).yaml),,$(error EXPERIMENT=$(EXPERIMENT): there is no config/$(EXPERIMENT).yaml; available are $(or $(patsubst config/%.yaml,%,$(sort $(wildcard config/*.yaml))),none)))

test: $(STAMP)  ## run the tests, those on real engines included (ARGS="-m 'not engine'" for the quick ones)
	@$(RUN) python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not arm" $(ARGS)

test-arms: $(STAMP)  ## run the long tests: of rival arms on real engines, of other domains, several machines, shards
	@$(RUN) python -m pytest -m arm $(ARGS)

test-cluster: $(VENV)/.complete-cluster  ## as root of a Debian: make a Slurm here, run the smoke experiment on it, remove it again
	@$(RUN) python -m pytest tests/cluster/smoke_on_slurm.py $(ARGS)

lint: $(STAMP)  ## check style, types and the workflow
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) snakefmt --check Snakefile workflow/rules
	$(RUN) snakemake --lint

lock:  ## resolve requirements/*.lock and environment.yml again; pins that still fit are kept (ARGS=--upgrade: none is)
	@$(need_uv)
	$(call compile,cpu,--overrides requirements/cpu-overrides.txt --excludes requirements/cpu-excludes.txt)
	@sed -i 's/^torch==[0-9.]*$$/&+cpu/' requirements/cpu.lock
	$(call compile,gpu)
	@sed -i '/^  - pip:$$/q' environment.yml
	@sed -n '/^torch==/d; s/^[a-z].*/      - &/p' requirements/cpu.lock >> environment.yml

clean:  ## remove .venv, caches and what builds leave; results stay
	rm -rf .venv .uv build *.egg-info requirements/vllm-meta/build requirements/vllm-meta/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -r '{}' +

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 15
