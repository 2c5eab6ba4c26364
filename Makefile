# Needs Python >= 3.11 and make, nothing else: every target builds the virtual environment it runs in.
PYTHON ?= python3
PIP = .venv/bin/python -m pip --quiet --disable-pip-version-check
TESTS ?= tests

.PHONY: help emulate test soak test-deploy test-moto check format bench bench-parts bench-peers profile cost wheel wheel-test lock clean

help:  ## List the targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "%-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

emulate: .venv/emulate-ready  ## Start the emulator with the demo app
	.venv/bin/streamer emulate --demo $(ARGS)

test: .venv/dev-ready  ## Run all tests
	.venv/bin/python -m pytest -n auto $(TESTS) $(ARGS)

test-deploy: .venv/dev-ready .venv-ministack/ready  ## Deploy to an emulated AWS and use what was deployed
	MINISTACK_COMMAND=$(CURDIR)/.venv-ministack/bin/ministack .venv/bin/python -m pytest tests/aws $(ARGS)

test-moto: .venv-moto/ready  ## Try SQS on the oldest moto that pyproject.toml allows
	.venv-moto/bin/python -m pytest -c /dev/null --rootdir . --noconftest -p no:cacheprovider \
		tests/unit/emulator/dynamodb/test_dynamodb_queues.py $(ARGS)

soak: .venv/dev-ready  ## Fuzz the port for long, from another seed each time (SOAK_SECONDS=600 for each fuzzer)
	FUZZ_SEED=$$(date +%s) FUZZ_SECONDS=$(or $(SOAK_SECONDS),600) .venv/bin/python -m pytest tests/fuzz -v $(ARGS)

check: .venv/dev-ready  ## Lint, formatting, types, import rules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

format: .venv/dev-ready  ## Format the code and apply safe fixes
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

wheel: .venv/dev-ready  ## Build the wheel into dist/
	.venv/bin/python -m build --no-isolation --wheel

wheel-test: .venv/dev-ready  ## Build the wheel and try it in a clean environment
	.venv/bin/python tests/wheel.py

bench: .venv/dev-ready  ## Measure the emulator beside its peers: one table (ARGS="--only echo,connects --json FILE")
	.venv/bin/python -m benchmarks $(ARGS)

bench-peers: .venv-ministack/ready benchmarks/.peers/ready  ## Install the peers that make bench compares with

bench-parts: .venv/dev-ready  ## Measure parts: connections, the gateway's rules, DynamoDB, functions
	.venv/bin/python benchmarks/connections.py
	.venv/bin/python benchmarks/gateway_core.py
	.venv/bin/python benchmarks/message_path.py
	.venv/bin/python benchmarks/dynamodb.py
	.venv/bin/python benchmarks/functions.py

profile: .venv/dev-ready  ## Profile the emulator under load, as a flame graph (ARGS="--isolation inline")
	.venv/bin/python -m benchmarks.profile $(ARGS)

cost: .venv/dev-ready  ## Count what each step costs on AWS, and rewrite docs/scaling.md
	.venv/bin/python -m benchmarks.cost_model $(ARGS)

lock:  ## Rewrite the hash-locked requirements (needs uv)
	requirements/compile.sh

clean:  ## Remove everything that was made here
	rm -rf .venv .venv-ministack .venv-moto benchmarks/.peers build dist .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "streamer needs Python 3.11 or newer; name one with make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/emulate-ready: requirements/emulate.txt pyproject.toml | .venv/bin/python
	@echo "Installing streamer into .venv (once) ..."
	@$(PIP) install --require-hashes --requirement requirements/emulate.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev-ready: requirements/dev.txt pyproject.toml | .venv/bin/python
	@echo "Installing streamer and its development tools into .venv (once) ..."
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/emulate-ready

.venv-ministack/ready: requirements/ministack.txt
	@echo "Installing MiniStack into an environment of its own (once) ..."
	@test -x .venv-ministack/bin/python || $(PYTHON) -m venv .venv-ministack
	@.venv-ministack/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement $<
	@touch $@

.venv-moto/ready: requirements/moto-oldest.txt
	@echo "Installing the oldest moto into an environment of its own (once) ..."
	@test -x .venv-moto/bin/python || $(PYTHON) -m venv .venv-moto
	@.venv-moto/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement $<
	@touch $@

benchmarks/.peers/ready: $(wildcard benchmarks/peers/serverless_offline/*)
	@command -v npm >/dev/null || { echo "serverless-offline needs Node.js and npm, which are not here" >&2; exit 2; }
	@echo "Installing serverless-offline into benchmarks/.peers (once) ..."
	@mkdir -p benchmarks/.peers/serverless_offline
	@cp benchmarks/peers/serverless_offline/* benchmarks/.peers/serverless_offline/
	@cd benchmarks/.peers/serverless_offline && npm install --legacy-peer-deps --no-audit --no-fund --no-package-lock
	@touch $@
