# What the commands need is made on the first call; a later one needs no network.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := .make

.PHONY: demo test check style bench figures docs clean

demo: $(STAMPS)/installed  ## two verdicts on real photographs
	$(BIN)/visavis demo --out out/demo

test: $(STAMPS)/dev  ## the whole test suite
	$(BIN)/pytest

check: $(STAMPS)/dev  ## ruff and mypy, both must be silent
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

style: $(STAMPS)/dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMPS)/bench  ## speed beside a peer, start, memory, fuzzing; some minutes
	$(BIN)/visavis packs install sface
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/speed.py --pack sface
	$(BIN)/python benchmarks/memory.py --count 1000
	$(BIN)/python benchmarks/fuzz_photo.py --count 5000

# DATA is a folder with one folder of pictures for each person; all packs must be installed.
PACKS := sface edgeface-xs edgeface-xxs
figures: $(STAMPS)/bench  ## every figure in the documentation, measured anew; needs DATA and an hour
	for pack in $(PACKS); do \
	    $(BIN)/python benchmarks/accuracy.py $(DATA) --pack $$pack --figures docs/figures/accuracy-$$pack.json || exit; \
	done
	$(BIN)/python benchmarks/startup.py --figures docs/figures/startup.json
	$(BIN)/python benchmarks/speed.py $(PACKS:%=--pack %) --figures docs/figures/speed.json
	$(BIN)/python benchmarks/figures.py

docs: $(STAMPS)/docs  ## the documentation, in site/
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(STAMPS) site out

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

$(STAMPS)/docs: $(STAMPS)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

# face_recognition itself asks for a compiled dlib; dlib-bin is the same library as a wheel.
$(STAMPS)/bench: $(STAMPS)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps face_recognition==1.3.0
	@touch $@
