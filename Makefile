# Everything that a fresh clone needs: `make demo` repairs a real bug, `make test` runs the tests.
# Both set up .venv on first use from hash-checked, locked packages.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test test-all check bench lock clean

demo: $(READY)
	$(BIN)/fixloop fix examples/opening_hours

test: $(READY)
	$(BIN)/pytest -n auto -m "not slow"

test-all: $(READY)
	$(BIN)/pytest -n auto

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright

bench: $(READY)
	@status=0; for script in bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script --quick || status=1; done; exit $$status

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fixloop needs Python 3.11 or later; say which with make PYTHON=...")'
	@$(PYTHON) -m venv .venv || { echo "The venv module does not work. On Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

lock:
	uv pip compile --group dev pyproject.toml --python-version 3.11 --universal --generate-hashes --no-emit-index-url --quiet -o requirements.lock

clean:
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis .bench-cache
