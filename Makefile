# Everything that a fresh clone needs: `make demo` repairs a real bug, `make test` runs the tests.
# Both set themselves up on first use from hash-checked, locked packages: .venv holds fixloop as a user has it,
# .venv-dev what its tests need besides.

PYTHON ?= python3
BIN := .venv-dev/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check bench lock clean

demo: .venv/ready
	.venv/bin/fixloop fix examples/opening_hours

test: .venv/ready .venv-dev/ready
	$(BIN)/pytest -n auto

check: .venv-dev/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright

bench: .venv/ready .venv-dev/ready
	@status=0; for script in bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script --quick || status=1; done; exit $$status

.venv/ready: requirements.lock
.venv-dev/ready: requirements-dev.lock

%/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fixloop needs Python 3.11 or later; say which with make PYTHON=...")'
	@$(PYTHON) -m venv $* || { echo "The venv module does not work. On Debian: apt-get install python3-venv"; exit 1; }
	$*/bin/python $(PIP_INSTALL) --require-hashes -r $(filter %.lock,$^)
	$*/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

COMPILE := uv pip compile pyproject.toml --python-version 3.11 --universal --generate-hashes --no-emit-index-url --quiet

lock:
	$(COMPILE) --group build -o requirements.lock
	$(COMPILE) --group dev -o requirements-dev.lock

clean:
	rm -rf .venv .venv-dev .pytest_cache .ruff_cache .import_linter_cache .hypothesis .bench-cache
