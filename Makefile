# Two commands: `make demo` shows the whole loop, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
UV     ?= uv

# What tests/sdk drives: each Python SDK in a folder of its own, since their needs contradict.
PYTHON_SDKS := analytics-python rudder-sdk-python segment-analytics-python
NODE_SDKS   := $(if $(shell command -v npm),build/sdk/node/.made)

# What tests/collect/pulls needs and the product does not bring: storages' clients and servers, and
# dialects of databases.
SOURCES     := build/storages/.made build/dialects/.made

.PHONY: demo test quick lint lock picture sdks sources clean

demo: $(VENV)/.run
	$(BIN)/rapport demo --serve --port $(PORT)

test: $(VENV)/.test sdks sources
	$(BIN)/pytest -n 2 -m "not browser and not spark" $(PYTEST_ARGS)
	# On their own: Playwright keeps an event loop running in the process that drives the browser.
	$(BIN)/pytest -n 2 -m browser $(PYTEST_ARGS)

quick: $(VENV)/.test
	$(BIN)/pytest -n 2

lint: $(VENV)/.test
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

picture: $(VENV)/.test
	$(BIN)/pytest tests/docs/test_readme_picture.py -q -m browser
	mkdir -p docs/images && cp build/screenshots/dashboard.png docs/images/dashboard.png

sdks: $(PYTHON_SDKS:%=build/sdk/%/.made) $(NODE_SDKS)

sources: $(SOURCES)

lock:
	$(UV) pip compile -q pyproject.toml --extra postgres --group build --group test --group lint --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/test.txt
	$(UV) pip compile -q pyproject.toml --extra postgres --group build -c requirements/test.txt --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/run.txt
	for sdk in $(PYTHON_SDKS); do \
	  echo $$sdk | $(UV) pip compile -q - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/sdk/$$sdk.txt || exit 1; \
	done
	$(UV) pip compile -q requirements/storages.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/storages.txt
	$(UV) pip compile -q requirements/dialects.in --no-deps --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/dialects.txt
	cd tests/sdk && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rapport needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python has no venv module here. On Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.run: $(BIN)/python requirements/run.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

build/sdk/node/.made: tests/sdk/package.json tests/sdk/package-lock.json
	@rm -rf $(@D) && mkdir -p $(@D)
	cp $^ $(@D)/
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

build/sdk/%/.made: requirements/sdk/%.txt | $(BIN)/python
	@rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --target $(@D) -r $<
	@touch $@

# Dialects alone: their drivers are large, and compiling a statement needs none.
$(SOURCES): build/%/.made: requirements/%.txt | $(BIN)/python
	@rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target $(@D) -r $<
	@touch $@

clean:
	rm -rf $(VENV) build dist rapport-data
