# The two commands of the README, and what they stand on.
# The first interpreter on the PATH that starts and is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: clients demo demo-live test check faults picture docs install lock audit clean

demo: $(VENV)/.installed
	$(BIN)/trace2skill demo

demo-live: $(VENV)/.installed
	$(BIN)/trace2skill demo --live

# Agents of others for the contract tests, in versions that pass them. What an index does not give
# is told and its tests are skipped.
NPM_CLIENTS := @anthropic-ai/claude-code@2.1.197 @openai/codex@0.171.0 @qwen-code/qwen-code@0.15.10
PIP_CLIENTS := deepagents==0.7.32 langchain-openai==1.7.4

clients: | $(BIN)/python
	@mkdir -p .clients; \
	{ [ -f .clients/.npm ] || timeout 180 npm install --prefix .clients --no-audit --no-fund --silent \
		--fetch-retries 1 $(NPM_CLIENTS) && touch .clients/.npm \
		|| echo "npm gave none of $(NPM_CLIENTS): their tests are skipped"; } & \
	{ [ -f .clients/.pip ] || { $(BIN)/python -m venv .clients/.venv && timeout 180 .clients/.venv/bin/pip \
		install --quiet --disable-pip-version-check --retries 1 $(PIP_CLIENTS) && touch .clients/.pip; } \
		|| echo "pip gave none of $(PIP_CLIENTS): their tests are skipped"; } & \
	wait

test: $(VENV)/.installed-dev clients
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

check: test

# The fault table in its short form; without --reduced it takes longer and tries more.
faults: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/faults.py --reduced

# The README's picture: the first view of the demo's report.
picture: demo
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1100,640 --virtual-time-budget=5000 \
		--screenshot=docs/report.png "file://$(CURDIR)/outputs/demo/report.html"

# README and docs/ as pages with a search: outputs/site/docs/index.html
docs: $(VENV)/.installed-dev
	PATH="$(CURDIR)/$(BIN):$$PATH" COLUMNS=84 $(BIN)/sphinx-build -q -W --keep-going -c docs . outputs/site

install: $(VENV)/.installed

# Each marker is written last, so that a broken install is done again.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml requirements.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.installed

# The newest versions that pyproject.toml allows, for every Python and with hashes of all their files.
lock: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	echo "setuptools>=77" | $(BIN)/uv pip compile pyproject.toml - --extra dev --extra ray --extra parquet --universal \
		--generate-hashes --python-version 3.11 --no-header --no-annotate --quiet --upgrade --output-file requirements.lock

# Known vulnerabilities in what is locked; asks a public data base.
audit: $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --disable-pip --require-hashes --requirement requirements.lock

clean:
	rm -rf $(VENV) outputs
