# Needs Python 3.11 to 3.14 and make, nothing else: every target builds the virtual environment it runs in. An interpreter
# that is named has an environment of its own: make test PYTHON=python3.13 uses .venv-3.13.
PYTHON ?= python3
ifeq ($(origin PYTHON),file)
VENV := .venv
else
VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifeq ($(VENV),.venv-)
$(error PYTHON=$(PYTHON) does not run; is it installed?)
endif
endif
PIP = $(VENV)/bin/python -m pip --quiet --disable-pip-version-check
# The pip of an older Python (3.12.1 and before) takes three times as long to find what is locked.
LOCKED_PIP = -m pip --quiet --disable-pip-version-check install --require-hashes --requirement requirements/pip.txt
# Without compiled files each worker compiles all tests again.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(VENV)/bin/python -m pytest $(REMEMBERING)
TESTS ?= tests
# AGAIN=1: what fails is tried once more when all have run, and nothing else that goes wrong is. (pytest-rerunfailures asks
# the process that spreads the tests before each of them, which waits 40 ms for TCP.)
FAILED = $(CURDIR)/build/failed-$@
REMEMBERING = $(if $(AGAIN),--override-ini cache_dir=$(FAILED),-p no:cacheprovider)
# What failed in an earlier run, else a run that cannot even begin would pass with that.
FORGET = $(if $(AGAIN),@rm -rf $(FAILED))
TRIED_AGAIN = $(if $(AGAIN),|| { [ $$? -eq 1 ] && $(PYTEST) --last-failed --last-failed-no-failures none $(1); })
# The service that the targets for AWS act upon: make deploy PROJECT=~/shop.
PROJECT ?= examples/reports
STREAMER = cd $(PROJECT) && $(abspath $(VENV))/bin/streamer
LOGS := logs-connect logs-disconnect logs-router logs-processor

.PHONY: $(LOGS) docs picture types build deploy deploy-guided help emulate test test-unit test-browser coverage soak kills test-deploy test-moments test-iam test-messages test-moto test-newest test-elsewhere check format bench bench-parts bench-peers profile cost wheel wheel-test dist lock clean

help:  ## List the targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "%-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '%s\n    %s\n' '$(LOGS):' "Show the function's log on AWS (ARGS=--follow)"

emulate: $(VENV)/emulate-ready  ## Start the emulator with the demo app
	$(VENV)/bin/streamer emulate --demo $(ARGS)

build: $(VENV)/emulate-ready  ## Pack the code of a service for Lambda (PROJECT=FOLDER, else examples/reports)
	$(STREAMER) build $(ARGS)

deploy: $(VENV)/emulate-ready  ## Bring it to AWS, after showing what will change
	$(STREAMER) deploy $(ARGS)

deploy-guided: $(VENV)/emulate-ready  ## The same, asking for the settings first
	$(STREAMER) deploy --guided $(ARGS)

$(LOGS): logs-%: $(VENV)/emulate-ready
	$(STREAMER) logs $* $(ARGS)

test: $(VENV)/dev-ready  ## Run all tests, in random order and on all cores
	$(FORGET)
	$(PYTEST) -n auto $(TESTS) $(ARGS) $(call TRIED_AGAIN,$(TESTS))

test-unit: $(VENV)/dev-ready  ## Run the tests that do no I/O: the loop while writing
	$(PYTEST) -n auto tests/unit $(ARGS)

test-browser: $(VENV)/dev-ready  ## Run the tests that need Chromium (AXE_CORE=FILE, axe.min.js, for those of accessibility)
	@$(VENV)/bin/python -c 'import playwright' 2>/dev/null || $(PIP) install --group browser
	$(PYTEST) -n auto --dist loadfile -m needs_browser $(TESTS) $(ARGS)

coverage: $(VENV)/dev-ready  ## Run all tests and measure which lines and branches they reach
	$(PYTEST) -n auto --cov --cov-report=term:skip-covered $(TESTS) $(ARGS)

test-deploy: export MINISTACK_COMMAND = $(CURDIR)/.venv-ministack/bin/ministack
test-deploy: $(VENV)/dev-ready .venv-ministack/ready  ## Deploy to an emulated AWS and use what was deployed
	$(FORGET)
	$(PYTEST) -n auto --dist loadfile tests/aws $(ARGS) $(call TRIED_AGAIN,tests/aws)

test-moments: $(VENV)/dev-ready .venv-ministack/ready  ## Let every call of a deployment fail in every way, and print what is said
	EVERY_MOMENT=1 MINISTACK_COMMAND=$(CURDIR)/.venv-ministack/bin/ministack \
		$(PYTEST) -n auto --timeout 900 tests/aws -k every_end_tells_the_truth $(ARGS)

test-iam: $(VENV)/dev-ready .venv-ministack/ready  ## Record what functions do in the end-to-end suite, and ask enforced roles for the same
	@rm -rf build/iam
	STREAMER_IAM_LOG=$(CURDIR)/build/iam $(PYTEST) -n auto tests/e2e $(ARGS)
	IAM_RECORDINGS=$(CURDIR)/build/iam MINISTACK_COMMAND=$(CURDIR)/.venv-ministack/bin/ministack \
		$(PYTEST) -n 0 tests/aws/test_ministack_decisions.py

test-messages: $(VENV)/dev-ready  ## Compare every message of the end-to-end suite with what `streamer describe` says
	@rm -f build/messages && mkdir -p build
	CHECK_MESSAGES=$(CURDIR)/build/messages $(PYTEST) -n auto tests/e2e $(ARGS)
	@awk '{asked += $$1; told += $$2} END {print asked " messages of clients and " told " of services are as described"}' build/messages

test-moto: .venv-moto/ready  ## Try SQS on the oldest moto that pyproject.toml allows
	.venv-moto/bin/python -m pytest -c /dev/null --rootdir . --noconftest -p no:cacheprovider \
		tests/unit/emulator/event_sources/queues/test_embedded_queues.py $(ARGS)

test-elsewhere: $(VENV)/dev-ready  ## Run what starts functions without Linux's means, as on macOS (WITHOUT="forks" takes one)
	PYTHONPATH=$(CURDIR)/tests/without_linux $(PYTEST) -n auto --timeout 300 tests/integration/test_functions_contract.py \
		tests/integration/test_pytest_plugin.py tests/e2e $(ARGS)

test-newest: .venv-newest/ready  ## Run all tests on the newest of everything that pyproject.toml allows
	.venv-newest/bin/python -m pytest -n auto $(TESTS) $(ARGS)

soak: $(VENV)/dev-ready  ## Load for an hour, then fuzz (SOAK_SECONDS=600 each), try properties and kill, from another seed each time
	$(VENV)/bin/python -m benchmarks.mixed_load --seed $$(date +%s) $(LOAD)
	FUZZ_SEED=$$(date +%s) FUZZ_SECONDS=$(or $(SOAK_SECONDS),600) $(PYTEST) tests/fuzz -v --timeout 0 $(ARGS)
	HYPOTHESIS_PROFILE=soak $(PYTEST) -n auto tests/unit -m hypothesis -q --timeout 0
	$(VENV)/bin/python tests/e2e/kill_loop.py --seed $$(date +%s) --rounds $(or $(ROUNDS),2000)

kills: $(VENV)/dev-ready  ## Kill functions, emulators and connections 2,000 times, and print what was lost (ROUNDS=200)
	$(VENV)/bin/python tests/e2e/kill_loop.py --seed $$(date +%s) --rounds $(or $(ROUNDS),2000) $(ARGS)

check: $(VENV)/dev-ready  ## Lint, formatting, types, import rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml

format: $(VENV)/dev-ready  ## Format the code and apply safe fixes
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

wheel: $(VENV)/emulate-ready  ## Build the wheel into dist/
	$(VENV)/bin/python -m build --no-isolation --wheel

wheel-test: $(VENV)/dev-ready  ## Build the wheel and try it in a clean environment
	$(VENV)/bin/python tests/wheel.py

dist: $(VENV)/dev-ready  ## Build what a release publishes, wheel and source, into dist/
	rm -rf dist
	$(VENV)/bin/python -m build --no-isolation

docs: .venv-docs/ready  ## Build the documentation site into build/docs
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build --quiet $(ARGS)
	@echo "build/docs/index.html"

picture: $(VENV)/dev-ready  ## Draw the pictures of the documents from real runs (those of web pages need Chromium)
	$(VENV)/bin/python docs/picture.py
	PICTURES=$(abspath docs/pictures) $(PYTEST) -q -n 0 tests/e2e/test_dashboard_page.py

types: $(VENV)/dev-ready  ## Rewrite what the emulator knows of the properties of CloudFormation's types
	PYTHONPATH=. $(VENV)/bin/python tests/resource_types.py

bench: $(VENV)/dev-ready  ## Measure the emulator beside its peers: one table (ARGS="--only echo,connects --json FILE")
	$(VENV)/bin/python -m benchmarks $(ARGS)

bench-peers: .venv-ministack/ready benchmarks/.peers/ready  ## Install the peers that make bench compares with

bench-parts: $(VENV)/dev-ready  ## Measure parts: connections, the gateway's rules, DynamoDB, functions, what the console costs
	$(VENV)/bin/python benchmarks/connections.py
	$(VENV)/bin/python benchmarks/gateway_core.py
	$(VENV)/bin/python benchmarks/message_path.py
	$(VENV)/bin/python benchmarks/dynamodb.py
	$(VENV)/bin/python benchmarks/functions.py
	$(VENV)/bin/python -m benchmarks.watched --only path,served --pairs 5

profile: $(VENV)/dev-ready  ## Profile the emulator under load, as a flame graph (ARGS="--isolation inline")
	$(VENV)/bin/python -m benchmarks.profile $(ARGS)

cost: $(VENV)/dev-ready  ## Count what each step costs on AWS, and rewrite docs/scaling.md
	$(VENV)/bin/python -m benchmarks.cost_model $(ARGS)

lock:  ## Rewrite the hash-locked requirements (needs uv)
	requirements/compile.sh

clean:  ## Remove everything that was made here
	rm -rf .venv .venv-3.* .venv-ministack .venv-moto .venv-docs .venv-newest benchmarks/.peers build dist .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "streamer's locked packages are for Python 3.11 to 3.14; name one with make PYTHON=python3.14 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@$@ $(LOCKED_PIP)

$(VENV)/emulate-ready: requirements/emulate.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing streamer into $(VENV) (once) ..."
	@$(PIP) install --require-hashes --requirement requirements/emulate.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# Most of it is never imported, such as what cfn-lint needs of sympy; what is, Python compiles then.
$(VENV)/dev-ready: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing streamer and its development tools into $(VENV) (once) ..."
	@$(PIP) install --no-compile --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/emulate-ready

# An environment of its own has no pip: that of $(VENV) installs into it.
define install-beside
	@test -x $(@D)/bin/python || $(PYTHON) -m venv --without-pip $(@D)
	@$(PIP) --python $(@D)/bin/python install $(1) --require-hashes --requirement $<
	@touch $@
endef

.venv-ministack/ready: requirements/ministack.txt | $(VENV)/bin/python
	@echo "Installing MiniStack into an environment of its own (once) ..."
	$(call install-beside)

# Not locked, and made anew each time: it is to find what a lock hides.
.venv-newest/ready: FORCE
	@rm -rf .venv-newest
	@$(PYTHON) -m venv .venv-newest
	@.venv-newest/bin/python $(LOCKED_PIP)
	@.venv-newest/bin/python -m pip --quiet install --editable '.[deploy,pytest,templates]' --group dev

FORCE:

.venv-docs/ready: requirements/docs.txt | $(VENV)/bin/python
	@echo "Installing mkdocs into an environment of its own (once) ..."
	$(call install-beside,--no-compile)

.venv-moto/ready: requirements/moto-oldest.txt | $(VENV)/bin/python
	@echo "Installing the oldest moto into an environment of its own (once) ..."
	$(call install-beside,--no-compile)

benchmarks/.peers/ready: $(wildcard benchmarks/peers/serverless_offline/*.* benchmarks/peers/node_sdk/*.* benchmarks/peers/dynalite/*.*)
	@command -v npm >/dev/null || { echo "serverless-offline needs Node.js and npm, which are not here" >&2; exit 2; }
	@echo "Installing serverless-offline into benchmarks/.peers (once) ..."
	@mkdir -p benchmarks/.peers/serverless_offline
	@cp benchmarks/peers/serverless_offline/*.* benchmarks/.peers/serverless_offline/
	@cd benchmarks/.peers/serverless_offline && npm install --legacy-peer-deps --no-audit --no-fund --no-package-lock
	@mkdir -p benchmarks/.peers/node_sdk
	@cp benchmarks/peers/node_sdk/* benchmarks/.peers/node_sdk/
	@cd benchmarks/.peers/node_sdk && npm install --ignore-scripts --no-audit --no-fund --no-package-lock
	@mkdir -p benchmarks/.peers/dynalite
	@cp benchmarks/peers/dynalite/* benchmarks/.peers/dynalite/
	@cd benchmarks/.peers/dynalite && npm install --ignore-scripts --no-audit --no-fund --no-package-lock
	@touch $@
