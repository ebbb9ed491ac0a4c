# Every command sets up what it needs. Start with `make demo` or `make test`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
UV     := 0.13.9
STACK  := PYTHONPATH=hack $(BIN)/python -m stack

.DEFAULT_GOAL := help
.PHONY: help setup stack test unit lint format demo demo-down histories bench-scaling bench-alerts bench-postgres bench-redis bench-indexes bench-quiet ha-schedules contract docs generate lock clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything from the lock file

$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "setpoint needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: python3-venv)"; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@echo "setting up $(VENV) from requirements/dev.lock"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

stack: $(READY) ## Build or fetch the local stack's programs (the first time takes minutes)
	@$(STACK) build

test: stack lint ## Check and test everything
	@$(STACK) build --tests
	@PYTHONPATH=hack $(BIN)/python hack/suite.py

unit: $(READY) ## The quick tests, without any server
	@$(BIN)/pytest tests/unit

lint: $(READY) ## Style, types, and who may import whom
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache

format: $(READY) ## Format the code
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

demo: stack ## See all three kinds reconcile; KEEP=1 leaves everything running
	@PYTHONPATH=hack $(BIN)/python hack/demo.py $(if $(KEEP),--keep)

demo-down: $(READY) ## End a demo that was kept: RUN_DIR=…
	@$(STACK) down $(RUN_DIR)

histories: $(READY) ## 10,000 random histories of alerts against the reference model (5 minutes)
	@SETPOINT_HISTORIES=10000 $(BIN)/pytest --timeout=1800 tests/unit/alerts/test_histories.py

bench-scaling: stack ## A thousand ScalingPolicies: calls to AWS, and the time to act (35 minutes)
	@$(BIN)/python tests/bench/scaling.py

bench-alerts: $(READY) ## 6,000 alerts in a minute, then 50 kills, against a strict Slack (15 minutes)
	@$(BIN)/python tests/bench/alerts.py

bench-postgres: $(READY) ## An analysis of 10,000 tables, and what it takes from pgbench (6 minutes)
	@$(BIN)/python tests/bench/postgres.py

contract: stack ## The status contract over 5,000 writes of status (15 to 30 minutes)
	@PYTHONPATH=hack $(BIN)/python -m tests.bench.contract

bench-redis: $(READY) ## Ways to give a million keys a TTL, and what others feel (7 minutes)
	@$(BIN)/python tests/bench/redis.py

bench-indexes: $(READY) ## Index advice against other advisors; ARGS="--workload tpcds --scale 0.1" and others
	@$(BIN)/python tests/bench/indexes.py $(ARGS)

bench-quiet: stack ## What an operator asks in 10 minutes without work, and the time to a first status (15 minutes)
	@PYTHONPATH=hack:. $(BIN)/python -m tests.bench.quiet

ha-schedules: stack ## 200 seeded schedules of kills, stops and lost connections, 3 with real leases (70 minutes)
	@PYTHONPATH=hack:. $(BIN)/python -m tests.bench.ha

docs: $(READY) ## Build the documentation as a site, in build/site
	@$(BIN)/mkdocs build --quiet

generate: $(READY) ## Write what comes from models: the CRDs, docs, the table of AWS, the kustomize base
	@$(BIN)/python -m setpoint.api.kinds crds
	@$(BIN)/python hack/generate_docs.py
	@$(BIN)/python hack/generate_telemetry.py
	@$(BIN)/python hack/generate_reference.py
	@$(BIN)/python hack/generate_argocd.py
	@$(BIN)/python hack/generate_aws_table.py
	@$(BIN)/python hack/generate_deploy.py

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate

lock: $(READY) ## Bring the lock files up to pyproject.toml
	@$(LOCK) pyproject.toml -o requirements/runtime.lock
	@$(LOCK) pyproject.toml --group dev -o requirements/dev.lock

clean: ## Remove .venv and the tools' caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
