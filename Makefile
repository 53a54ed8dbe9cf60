# Two commands: `make run` starts the app, `make test` runs every check and all but the longest tests (`make long`).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: run test long check unit browser bench screenshots chromium clean

run: $(VENV)/.runs
	$(BIN)/streamlit run streamlit_app.py

test: $(VENV)/.tests chromium check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not long"

long: $(VENV)/.tests chromium  ## the tests that take longest; docs/long-tests.md has the last result
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m long

check: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.tests  ## the tests that need no browser
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not browser and not long"

browser: $(VENV)/.tests chromium
	$(BIN)/python -m pytest -m "browser and not long"

screenshots: $(VENV)/.tests chromium  ## makes docs/*.png again
	$(BIN)/python docs/screenshots.py

BENCHES := start ui draw microscope analysis engine of_peak loop seeds together step_cost digits finding odd_images \
	time_to_99

bench: $(VENV)/.tests chromium  ## every figure of the README's table: two hours, with nothing beside
	for name in $(BENCHES); do $(BIN)/python bench/$$name.py || exit 1; done
	$(BIN)/python bench/accelerator.py

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kernelscope needs Python 3.11 or newer; set PYTHON=python3.11, say")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.runs: $(VENV)/.made requirements.txt
	@echo "Installing requirements.txt into $(VENV), PyTorch among them: some minutes, once."
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.tests: $(VENV)/.runs requirements-dev.txt requirements-cluster.txt
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@

# A browser on the PATH, else the distribution's package, else Playwright's own download.
chromium: $(VENV)/.tests
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
	|| (command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq chromium) \
	|| $(BIN)/python -m playwright install chromium

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis static
