# Two commands: `make corpus` builds and releases the corpus, `make test` runs everything that is checked.
PYTHON ?= python3
VENV ?= .venv
# Where pip finds the CPU build of torch, when the default index has only the CUDA build:
#   make corpus TORCH_INDEX_URL=https://…
TORCH_INDEX_URL ?=
CONSTRAINTS ?= constraints.txt
RUN := runs/psychosafe-8k
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL))

.PHONY: corpus test lint install benchmark docs clean

corpus: $(VENV)/.installed
	@mkdir -p runs
	@$(BIN)/corpusgen build pipelines/psychosafe-8k.yaml -o $(RUN) > runs/.summary || { status=$$?; cat runs/.summary; exit $$status; }
	@$(BIN)/corpusgen publish $(RUN) --to $(RUN)/release --unreviewed
	@cat runs/.summary

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not slow"
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/.installed-dev

benchmark: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/build_against_stock.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/build_seeds.py

docs: $(VENV)/.installed
	$(BIN)/python -m corpusgen.policy_page

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || (echo "corpusgen needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12"; exit 1)
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -c $(CONSTRAINTS) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -c $(CONSTRAINTS) -e '.[dev,local,ray,train]'
	@touch $(VENV)/.installed $@

clean:
	rm -rf runs $(VENV)
