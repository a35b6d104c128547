# Every wish is one command; `make help` lists them. Continuous integration calls `make test`.
PORT ?= 8080
DATA_DIR ?= .local
PYTHON ?= python3
REGION ?= us-central1
VENV := .venv
PY := $(VENV)/bin/python
SEEDS ?= 0:100000
SDKS := 1.0.0 1.1.0 2.0.0
export PORT DATA_DIR
.DEFAULT_GOAL := help
.PHONY: demo run test test-all test-browser chromium simulate chaos check bench bench-large eval package plan deploy destroy smoke openapi fuzz doctor help lock clean

demo: $(VENV)/.installed ## start everything, generate a film, run a prompt over it, search it
	@$(PY) -m demo --port $(PORT) --data-dir $(DATA_DIR)

run: $(VENV)/.installed ## serve on http://127.0.0.1:$PORT (8080), data in $DATA_DIR (.local), until interrupted
	@$(PY) -m emulators.runner serve --port $(PORT) --data-dir $(DATA_DIR)

test: $(VENV)/.tested ## every test but the long ones, in under a quarter of an hour
	$(PY) -m pytest tests -n 3 --dist loadgroup --no-loadscope-reorder -m "not long and not browser"

test-all: $(VENV)/.tested ## every test, the long ones too
	$(PY) -m pytest tests -n 2 --dist loadgroup --no-loadscope-reorder

test-browser: $(VENV)/.tested ## the console in a real Chromium, where one is installed
	$(PY) -m pytest tests/browser -q

chromium: $(VENV)/.tested ## get a Chromium for make test-browser, where none is installed
	@$(PY) -m infra.chromium

simulate: $(VENV)/.tested ## a hundred thousand seeds of a platform at its worst (SEEDS=from:to)
	$(PY) -m tests.simulation --seeds $(SEEDS)

chaos: $(VENV)/.tested ## kill the worker of a running product fifty times, at random moments
	$(PY) -m pytest tests/e2e -m chaos

check: $(VENV)/.tested ## lint, format, types, import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy shared functions emulators infra demo
	$(VENV)/bin/lint-imports

bench: $(VENV)/.tested ## measure: start-up, a request, cuts, ingest, search, evidence, memory
	@$(PY) -m bench

eval: $(VENV)/.tested ## how well chat answers over a generated library: hits, citations, silence where nothing is
	@$(PY) -m bench chat

bench-large: $(VENV)/.tested ## searches over a million vectors; takes a quarter of an hour to fill
	@$(PY) -m bench search_large

package: $(VENV)/.installed ## one reproducible zip per function, in build/packages
	@$(PY) -m infra.package

doctor: ## say what is missing here and how to mend it
	@$(PYTHON) -m infra.doctor

plan: $(VENV)/.tested ## what would be deployed: by the provider's schema, or with PROJECT=… by the cloud
	@$(PY) -m infra.deploy plan $(if $(PROJECT),--project $(PROJECT) --region $(REGION)) $(if $(VARS),-- $(VARS))

deploy: $(VENV)/.tested ## PROJECT=… [REGION=us-central1] [YES=1] [VARS='-var=…']: a Google Cloud project to a working product
	@$(PY) -m infra.deploy apply --project "$(PROJECT)" --region $(REGION) $(if $(YES),--yes) $(if $(VARS),-- $(VARS))

destroy: $(VENV)/.tested ## PROJECT=… [REGION=us-central1] [YES=1]: takes all of it down again, with its data
	@$(PY) -m infra.deploy destroy --project "$(PROJECT)" --region $(REGION) $(if $(YES),--yes) $(if $(VARS),-- $(VARS))

smoke: $(VENV)/.installed ## BASE=https://… KEY=sk_live_…: the demo's steps against a deployed product
	@VIDEOVECTOR_API_KEY="$(KEY)" $(PY) -m infra.smoke "$(BASE)"

fuzz: $(VENV)/.tested ## ten minutes of made-up requests against the served product, by its own reference
	@FUZZ_SECONDS=600 FUZZ_EXAMPLES=200 $(PY) -m pytest tests/e2e/test_fuzz.py -q

openapi: $(VENV)/.tested ## write openapi.yaml, the docs page's copy and docs/errors.md anew from the routes
	@$(PY) -m infra.openapi

lock: $(VENV)/.tested ## write requirements/ anew from what is installed
	$(PY) -m infra.lock

clean: ## remove what was built; keeps .venv and data
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

# The environment: uv where there is one, else venv and pip. The stamps make it new when a locked file changes.
$(VENV)/.installed: requirements/lock.txt requirements/nodeps.txt
	@$(PYTHON) -m infra.environment $(VENV) requirements/lock.txt --without-needs requirements/nodeps.txt
	@touch $@

$(VENV)/.tested: $(VENV)/.installed requirements/test.txt
	@$(PYTHON) -m infra.environment $(VENV) requirements/test.txt --clients $(SDKS)
	@touch $@
