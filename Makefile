PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
OPENPROMPT := .venv-openprompt
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
AS_ROOT := $(shell test "$$(id -u)" = 0 || echo sudo)

.PHONY: run test bench chromium

run: $(VENV)/installed
	$(VENV)/bin/python app.py

test: $(VENV)/installed-dev chromium
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest -m "not ray" --numprocesses 2 --dist loadgroup
# Ray ends a process some time after its cluster: these have one each.
	$(VENV)/bin/pytest -m ray tests/runs
	$(VENV)/bin/pytest -m ray tests/studies

bench: $(VENV)/installed-dev chromium
	-$(MAKE) $(OPENPROMPT)/installed  # without it the benchmark says that it is missing
	$(VENV)/bin/python -m tests.benchmarks

# A stamp beside each install: it runs once, and again when its list of requirements changes.
$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/installed-dev: requirements-dev.txt requirements-ray.txt $(VENV)/installed
	$(VENV)/bin/python -m pip install --quiet -r requirements-dev.txt
	touch $@

# A peer of the benchmark, which cannot be imported beside today's transformers.
$(OPENPROMPT)/installed: tests/benchmarks/openprompt/requirements.txt
	$(PYTHON) -m venv $(OPENPROMPT)
	$(OPENPROMPT)/bin/python -m pip install --quiet -r $<
	$(OPENPROMPT)/bin/python -m pip install --quiet --no-deps openprompt==1.0.1
	touch $@

# The system's Chromium if there is one, else the system's package, else Playwright's own.
chromium: $(VENV)/installed-dev
ifeq ($(CHROMIUM),)
	{ command -v apt-get && $(AS_ROOT) apt-get update -qq \
	    && $(AS_ROOT) apt-get install -y -qq --no-install-recommends chromium; } \
	|| $(VENV)/bin/python -m playwright install chromium
endif
