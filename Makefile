# What the commands need is made on the first call; a later one needs no network.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test postgresql chromium check style texts bench figures calibrations working-points docs clean anew

demo: $(STAMPS)/installed  ## verdicts on real photographs and specimen passports
	$(BIN)/visavis demo --out out/demo

test: $(STAMPS)/dev postgresql chromium  ## the whole test suite
	$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile

# A private server is started from its files; Debian's own one is neither made nor started.
postgresql:  ## what the tests need for PostgreSQL, where it may be installed
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
	    :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    mkdir -p /etc/postgresql-common; \
	    [ -e /etc/postgresql-common/createcluster.conf ] || \
	        echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null || \
	        echo 'PostgreSQL could not be installed: what it stores is not tested with it' >&2; \
	else \
	    echo 'PostgreSQL is not installed, and only root may: what it stores is not tested with it' >&2; \
	fi

chromium:  ## what the tests need for a browser, where it may be installed
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then \
	    :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && \
	        apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null || \
	        echo 'Chromium could not be installed: the desk is not tested in a browser' >&2; \
	else \
	    echo 'Chromium is not installed, and only root may: the desk is not tested in a browser' >&2; \
	fi

check: $(STAMPS)/dev  ## ruff, mypy and the tables that are made from code, all must be silent
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python benchmarks/figures.py --check packs weights terms limits calibration needed

style: $(STAMPS)/dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

LOCALE := src/visavis/service/pages/locale
texts: $(STAMPS)/dev  ## the desk's texts, gathered for its translators; what is new is empty in their catalogues
	$(BIN)/pybabel -q extract --mapping-file $(LOCALE)/texts.cfg --add-location=file --sort-by-file --width 110 \
	    --project visavis --copyright-holder "the visavis developers" --output-file $(LOCALE)/desk.pot src/visavis/service/pages
	$(BIN)/pybabel -q update --domain desk --input-file $(LOCALE)/desk.pot --output-dir $(LOCALE) \
	    --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 110

bench: $(STAMPS)/bench  ## speed beside a peer, start, memory, fuzzing; some minutes
	$(BIN)/visavis packs install sface
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/speed.py --pack sface
	$(BIN)/python benchmarks/memory.py --count 1000
	$(BIN)/python benchmarks/service.py --seconds 10
	$(BIN)/python benchmarks/fuzz_photo.py --count 5000
	$(BIN)/python benchmarks/fuzz_chip.py --count 2000
	$(BIN)/python benchmarks/fuzz_records.py --count 20000
	$(BIN)/python benchmarks/ledger.py --large 1000000

# DATA is a folder with one folder of pictures for each person; all packs must be installed.
PACKS := sface edgeface-xs edgeface-xxs duo
# PEERS is an interpreter that has rapidocr and PassportEye, if another than this one.
FIGURES := docs/figures
figures: $(STAMPS)/bench  ## every figure in the documentation, measured anew; needs DATA, DOCUMENTS and seven hours
	for pack in $(PACKS); do \
	    $(BIN)/visavis evaluate --all-pairs $(DATA) --pack $$pack --json > $(FIGURES)/evaluation-$$pack.json || exit; \
	done
	$(BIN)/python benchmarks/peer_accuracy.py $(DATA) --figures $(FIGURES)/peer.json
	$(BIN)/python benchmarks/coverage.py $(DATA) --figures $(FIGURES)/coverage.json
	$(BIN)/python benchmarks/arrangements.py $(DATA) --figures $(FIGURES)/arrangements.json
	$(BIN)/python benchmarks/mrz.py $(DOCUMENTS) --negatives 500 --photos $(DATA) \
	    $(PEERS:%=--peer-python %) --figures $(FIGURES)/mrz.json
	$(BIN)/python benchmarks/specimens.py $(DATA) --figures $(FIGURES)/specimens.json
	$(BIN)/python benchmarks/quality_score.py $(DATA) --figures $(FIGURES)/quality.json
	$(BIN)/python benchmarks/pad/run.py $(DATA) --of "bona fide=300" recorded=250 repeated=170 --figures $(FIGURES)/pad.json
	$(BIN)/python benchmarks/startup.py --figures $(FIGURES)/startup.json
	$(BIN)/python benchmarks/speed.py $(PACKS:%=--pack %) --figures $(FIGURES)/speed.json
	for pack in sface edgeface-xs; do \
	    $(BIN)/python benchmarks/flame.py --pack $$pack --output docs/assets/flame-$$pack.svg || exit; \
	done
	$(BIN)/python benchmarks/scale.py --figures $(FIGURES)/scale.json
	$(BIN)/python benchmarks/desk.py --figures $(FIGURES)/desk.json
	$(BIN)/python benchmarks/figures.py

# DESCRIPTION is what the verdicts say of DATA. Thresholds change with this; make figures afterwards.
calibrations: $(STAMPS)/installed  ## the calibrations that ship, measured anew; needs DATA and DESCRIPTION
	for pack in $(PACKS); do \
	    $(BIN)/visavis calibrate --all-pairs $(DATA) --pack $$pack --description "$(DESCRIPTION)" \
	        --out src/visavis/decision/calibrations/$$pack.json || exit; \
	done

working-points: $(STAMPS)/bench  ## those of the active challenge, set anew on simulated answers; needs DATA
	$(BIN)/python benchmarks/pad/run.py $(DATA) --write

docs: $(STAMPS)/docs  ## the documentation, in site/
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) site out

# Debian and its children ship venv without ensurepip, and then it fails half-way.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'visavis needs Python 3.11 or later; where it has another name: make PYTHON=python3.12 demo' >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo '$(PYTHON) can make no virtual environment; on Debian and its children: apt install python3-venv' >&2; \
	    exit 1; }
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

# Where an upgrade of the system took the environment's Python away, all is installed anew.
$(STAMPS)/installed: pyproject.toml $(if $(realpath $(BIN)/python),,anew) | $(BIN)/python
	@echo 'installing visavis and what it needs, which may take some minutes ...'
	@$(INSTALL) --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/installed
	@echo 'installing what the tests and checks need ...'
	@$(INSTALL) --upgrade "pip>=25.1"
	@$(INSTALL) --group dev
	@touch $@

$(STAMPS)/docs: $(STAMPS)/dev
	@echo 'installing what makes the documentation ...'
	@$(INSTALL) --group docs
	@touch $@

# face_recognition itself asks for a compiled dlib; dlib-bin is the same library as a wheel.
$(STAMPS)/bench: $(STAMPS)/dev
	@echo 'installing what the benchmarks compare with ...'
	@$(INSTALL) --group bench
	@$(INSTALL) --no-deps face_recognition==1.3.0
	@touch $@
