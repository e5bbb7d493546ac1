# make figures · make test · make lab · make docs    (PRESET=smoke|mini|study|paper|path/to/mine.yaml, CORES=n, GPUS=n, GPU_GB=n, PROFILE=local|slurm,
#                                         PYTHON=python3.12)

PRESET ?= mini
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PROFILE ?= local
MARKS ?= not gpu and not net

GPUS ?=
GPU_GB ?= 80
DEVICE ?= cuda
SMALL = {"device": "cpu", "model": "mini-sd", "n_images": 8, "batch_sizes": [8], "dtypes": ["fp32"], "width": 64, "n_neurons": 512, "ksae_batch": 128, "repeats": 1, "record_path": "out/bench/gpu-rehearsal.jsonl"}
GPU_BENCH = $(if $(filter cpu,$(DEVICE)),$(SMALL),{"device": "$(DEVICE)"})
BIN := .venv/bin
PY := $(BIN)/python
READY := .venv/.installed
# notebooks show their modules on the same emoji
LATENTS = REVELIO_LATENTS="$$PWD/out/latents"
THREADS = OMP_NUM_THREADS=$(1) MKL_NUM_THREADS=$(1) OPENBLAS_NUM_THREADS=$(1)
# nbdev's commands as modules: an installed command names its interpreter by its path, which fails where that holds a quote
comma := ,
NBDEV = $(PY) -c 'from nbdev.$(basename $(1)) import $(patsubst .%,%,$(suffix $(1))) as run; run($(2))'
NAME = $(basename $(notdir $(PRESET)))
# these run on what the checkout holds
OFFLINE = $(if $(filter smoke mini study,$(PRESET)),HF_HUB_OFFLINE=1)

export PYTHONUNBUFFERED = 1
export TOKENIZERS_PARALLELISM = false

.DEFAULT_GOAL := help
.PHONY: help figures plan rehearse test lab docs interop types export run quick gpu bench lock clean-nbs hooks
.DELETE_ON_ERROR:

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1|/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

figures: $(READY)  ## regenerate the figures of PRESET (mini) into paper_figures/PRESET/
	@$(PY) -m revelio.runs.presets "$(PRESET)"
	@$(OFFLINE) $(PY) -m revelio.runs.progress "out/$(NAME)/log.txt" "paper_figures/$(NAME)/index.html" \
	  $(PY) -m snakemake --profile profiles/$(PROFILE) $(if $(filter local,$(PROFILE)),--cores $(CORES)) \
	  --config preset="$(PRESET)" $(if $(GPUS),gpus=$(GPUS))

plan: $(READY)  ## print the jobs of PRESET, what they cost, and which do not fit a GPU of GPU_GB (80)
	@$(PY) -m revelio.runs.plan "$(PRESET)" --gpu-gb $(GPU_GB)

REHEARSAL = out/rehearsal
rehearse: $(READY)  ## run the whole paper preset on this CPU in minutes, with stand-ins for models and data sets
	$(PY) -m revelio.runs.rehearsal paper $(REHEARSAL)/hub
	HF_HOME="$$PWD/$(REHEARSAL)/hub" HF_HUB_CACHE="$$PWD/$(REHEARSAL)/hub/hub" HF_DATASETS_CACHE="$$PWD/$(REHEARSAL)/hub/datasets" HF_HUB_OFFLINE=1 \
	  $(PY) -m revelio.runs.progress $(REHEARSAL)/log.txt $(REHEARSAL)/figures/index.html \
	  $(PY) -m snakemake --cores $(CORES) --config preset=paper rehearse=1 out=out/rehearsal figures=out/rehearsal/figures

test: $(READY)  ## notebooks clean, exports in step, ruff, types, nbdev_test, pytest
	$(PY) -m revelio.dev check
	$(PY) -m revelio.dev sync
	$(PY) -m ruff check nbs
	$(PY) -m mypy
	HF_HUB_OFFLINE=1 $(LATENTS) $(call THREADS,1) $(call NBDEV,test.nbdev_test,n_workers=2$(comma) pause=0$(comma) do_print=True)
	HF_HUB_OFFLINE=1 $(call THREADS,1) $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "$(MARKS)"

lab: $(READY)  ## open the notebooks in Jupyter
	$(PY) -m jupyterlab --notebook-dir=nbs

docs: $(READY)  ## build the documentation site into _site/, and check its links
	$(PY) -m revelio.site

interop: $(READY)  ## test k-SAEs of other libraries against those libraries, in an environment of their own (.venv-interop)
	$(PY) -m venv .venv-interop
	$(PY) -c 'import site; print(site.getsitepackages()[0])' > "$$(.venv-interop/bin/python -c 'import site; print(site.getsitepackages()[0])')/revelio.pth"
	.venv-interop/bin/python -m pip install --quiet --disable-pip-version-check --no-compile '.[interop]'
	WANDB_MODE=offline .venv-interop/bin/python -m pytest -q tests/test_interop.py

types: $(READY)  ## check the annotations of revelio/ (mypy; its settings are in pyproject.toml)
	$(PY) -m mypy

export: $(READY)  ## clean the notebooks; write revelio/ and tests/ from them
	$(call NBDEV,clean.nbdev_clean)
	$(call NBDEV,doclinks.nbdev_export)
	$(PY) -m revelio.dev export

quick: $(READY)  ## check, run and test only the notebooks that changed
	HF_HUB_OFFLINE=1 $(LATENTS) $(call THREADS,1) $(PY) -m revelio.dev quick

run: $(READY)  ## execute the notebooks that changed (or NB="nbs/…") and save what they show
	$(LATENTS) $(call THREADS,2) $(PY) -m revelio.dev run $(NB)

gpu: $(READY)  ## test and time what depends on a GPU, in minutes (DEVICE=cpu: a rehearsal where there is none)
	REVELIO_DEVICE=$(DEVICE) HF_HUB_OFFLINE=1 $(PY) -m pytest -m gpu -rs tests/test_gpu.py
	@mkdir -p out/bench && printf '%s' '$(GPU_BENCH)' > out/bench/gpu.json
	$(PY) -m revelio.runs.runner nbs/benchmarks/gpu.ipynb out/bench/gpu.ipynb --parameters out/bench/gpu.json

bench: $(READY)  ## run nbs/benchmarks/; executed copies go to out/bench/
	@for nb in $(filter-out nbs/benchmarks/gpu.ipynb,$(wildcard nbs/benchmarks/*.ipynb)); do \
	  [ -e "$$nb" ] || { echo "nbs/benchmarks/ holds no notebook yet"; exit 0; }; \
	  $(PY) -m revelio.runs.runner "$$nb" "out/bench/$$(basename "$$nb")" || exit 1; \
	done

lock: $(READY)  ## write the exact versions of this environment to requirements.lock
	@{ echo "# The exact environment in which the committed figures were made: Python $$($(PY) -c 'import platform; print(platform.python_version())')."; \
	   echo "# pip install -r requirements.lock && pip install --no-deps -e .    (made by: make lock)"; \
	   $(PY) -m pip freeze --exclude-editable --disable-pip-version-check; } > requirements.lock
	@echo requirements.lock

clean-nbs: $(READY)  ## strip the notebooks of execution counts and stray metadata
	$(call NBDEV,clean.nbdev_clean)

hooks: $(READY)  ## let git merge notebooks cell by cell, and Jupyter save them clean
	$(call NBDEV,clean.nbdev_install_hooks)

# The first of PYTHON, python3.11 and python3 that runs and is new enough.
.venv/bin/python:
	@found=; for py in $(if $(PYTHON),"$(PYTHON)",python3.11 python3); do \
	  if "$$py" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$py; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "revelio needs Python 3.11 or newer; found none as $(or $(PYTHON),python3.11 or python3). Install it, or: make PYTHON=/path/to/python3.11 …" >&2; exit 1; \
	fi; \
	"$$found" -m venv .venv || { rm -rf .venv; \
	  echo "$$found cannot make a virtual environment: install its venv module (on Debian and Ubuntu: python3-venv)" >&2; exit 1; }

# not on pyproject.toml: its dependencies are dynamic, and each nbdev_export writes it again
# Python compiles a module when it is first imported: compiling all of them here takes half as long again
$(READY): settings.ini setup.py | .venv/bin/python
	$(PY) -m pip install --quiet --disable-pip-version-check --no-compile -e '.[dev]'
	@touch $@
