# COGEP Assist. `make` alone lists what there is.
#
# Every target makes .venv first when it is missing or older than the lock files.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin
PYTEST_WORKERS ?= auto
# What shell scripts there are: shellcheck reads them all.
SCRIPTS = $(shell git ls-files '*.sh') .ci/run
WORKFLOWS = $(wildcard .github/workflows/*.yml)
COMPOSE = $(wildcard docker-compose*.yml infra/docker-compose*.yml)
DOCKERFILES = $(wildcard services/*/Dockerfile infra/docker/*.Dockerfile infra/docker/Dockerfile*)
PACKAGES := shared_schemas chassis knowledge core_api ai_svc worker_svc devstack
TESTS = $(wildcard libs/*/tests services/*/tests infra/devstack/tests infra/tests tests bench evals)

# Tests import factories of other suites by their unique names.
SPACE := $(subst ,, )
TESTPATH = $(subst $(SPACE),:,$(filter-out bench evals,$(TESTS)))

export PG
# Bytecode of our own packages is worth keeping, whatever the caller's habits.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2 }'

# ---- running

.PHONY: up
up: .runtime ## start everything, ending with a first cited answer; DETACH=1 returns when healthy
	@exec $(BIN)/cogep up $(if $(DETACH),--detach)

.PHONY: down
down: .runtime ## stop everything; data stays
	@exec $(BIN)/cogep down

.PHONY: status
status: .runtime ## what runs, and whether it answers
	@exec $(BIN)/cogep status

.PHONY: logs
logs: .runtime ## follow what the processes write
	@exec $(BIN)/cogep logs --follow

.PHONY: seed
seed: .runtime ## add the sample data that is missing
	@exec $(BIN)/cogep seed

.PHONY: demo
demo: .runtime ## walk through the main job, step by step
	@exec $(BIN)/cogep demo

.PHONY: migrate
migrate: .runtime ## bring the database to the newest migrations
	@exec $(BIN)/cogep migrate

.PHONY: clean
clean: ## stop everything and delete .venv, data and caches
	@if [ -x $(BIN)/cogep ]; then $(BIN)/cogep remove; fi
	@rm -rf .venv .cogep .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- changing

.PHONY: format
format: .dev ## format and sort what can be
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

.PHONY: lock
lock: .dev ## renew the lock files; LOCK_UPGRADE=1 takes newer versions
	@UV=$(BIN)/uv infra/lock.sh

.PHONY: openapi
openapi: .dev ## write .docs/openapi from the code
	@$(BIN)/python -m devstack.checks.openapi

# ---- checking

CHECKS := check-locks check-lint check-format check-types check-imports check-migrations check-openapi \
	check-docker check-yaml check-shell test check-evals

.PHONY: check
check: $(CHECKS) ## exactly what CI runs
	@echo "everything is in order"

.PHONY: check-locks
check-locks: .dev
	$(call step,lock files)
	@$(BIN)/python -m devstack.checks.locks

.PHONY: check-lint
check-lint: .dev
	$(call step,ruff)
	@$(BIN)/ruff check --quiet .

.PHONY: check-format
check-format: .dev
	$(call step,format)
	@$(BIN)/ruff format --check --quiet .

.PHONY: check-types
check-types: .dev
	$(call step,mypy)
	@MYPYPATH= $(BIN)/mypy $(addprefix -p ,$(PACKAGES))
	@MYPYPATH= $(BIN)/mypy conftest.py infra/bootstrap.py
	@MYPYPATH= $(BIN)/mypy bench
	@MYPYPATH= $(BIN)/mypy evals
	@failed=0; for folder in $(filter-out bench evals,$(TESTS)); do \
		if [ -n "$$(find $$folder -name '*.py' | head -n 1)" ]; then MYPYPATH=$(TESTPATH) $(BIN)/mypy $$folder || failed=1; fi; \
	done; exit $$failed

.PHONY: check-imports
check-imports: .dev
	$(call step,import contracts)
	@$(BIN)/lint-imports --no-logo

.PHONY: check-migrations
check-migrations: .dev
	$(call step,migrations)
	@$(BIN)/python -m devstack.checks.migrations

.PHONY: check-openapi
check-openapi: .dev
	$(call step,OpenAPI documents)
	@$(BIN)/python -m devstack.checks.openapi --check

.PHONY: check-docker
check-docker: .dev
	$(call step,hadolint)
	@$(if $(DOCKERFILES),$(BIN)/hadolint $(DOCKERFILES))

.PHONY: check-yaml
check-yaml: .dev
	$(call step,compose files and workflows)
	@$(if $(COMPOSE),$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec $(COMPOSE))
	@$(if $(WORKFLOWS),$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows $(WORKFLOWS))

.PHONY: check-shell
check-shell: .dev
	$(call step,shellcheck)
	@$(BIN)/shellcheck $(SCRIPTS)

# Exit code 5 is "nothing selected": ARGS may name tests of one kind only. The whole-system tests run one by one.
.PHONY: test
test: .dev ## every test; PG=16 on PostgreSQL 16, ARGS="-k name" to choose
	$(call step,tests$(if $(PG), on PostgreSQL $(PG)))
	@$(BIN)/python -m pytest -q -m "not stack and not faults" -n $(PYTEST_WORKERS) --dist loadfile $(ARGS) || [ $$? -eq 5 ]
	$(call step,tests of the whole system$(if $(PG), on PostgreSQL $(PG)))
	@$(BIN)/python -m pytest -q -m "stack or faults" $(ARGS) || [ $$? -eq 5 ]

.PHONY: check-evals
check-evals: .dev
	$(call step,search and answer quality)
	@$(BIN)/python -m evals.regression

.PHONY: eval
eval: .dev ## the search and answer quality of evals/RESULTS.md
	@$(BIN)/python -m evals

.PHONY: bench
bench: .dev ## the ratios of bench/RESULTS.md
	@$(BIN)/python -m bench

# ---- the environment

.PHONY: .runtime .dev
.runtime:
	@python="$$(infra/python.sh)" && "$$python" infra/bootstrap.py runtime
.dev:
	@python="$$(infra/python.sh)" && "$$python" infra/bootstrap.py dev

step = @printf '\033[1m── %s\033[0m\n' '$(1)'
