PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
QUORUM := $(VENV)/bin/quorum
RUN := $(VENV)/bin/python

.PHONY: demo test golden check bench lock clean

demo: $(READY)  ## set up and trade 27 years of real FX history with the whole committee
	$(QUORUM) replay --engine events $(ARGS)

test: $(READY)  ## set up and run all tests
	$(RUN) -m tests $(ARGS)

golden: $(READY)  ## show what changed in the golden replays, then put it on record
	$(RUN) -m tests.golden update

check: $(READY)  ## style, types, import direction, dependencies
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry .

bench: $(READY)  ## every benchmark, one JSON line a figure
	for script in benchmarks/*.py; do PYTHONPATH=. $(RUN) $$script || exit 1; done

# A fresh environment from the exact versions of the lock, made anew when the lock changes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Quorum needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(READY)

lock:  ## resolve pyproject.toml anew into requirements.lock
	sh infra/lock.sh $(PYTHON)

clean:  ## remove the environment, caches and results
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info runs
