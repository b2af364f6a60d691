# Thin on purpose: each word is a line over the `lab` command. RUNTIME, APP, PORT and PROJECT go with each.
#   make lab-3   make check-3   make break-3   make kill-redis   make heal   make down   make test

export RUNTIME APP PORT PROJECT
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
LAB := .venv/bin/lab
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

help:  ## these words
	@echo "make lab-5      a real stage stands (lab-1: one file, lab-2: Postgres, lab-3: cache and events, lab-4: many copies,"
	@echo "                lab-5: failover)"
	@echo "make check-3    proves its milestone"
	@echo "make break-3    breaks it: predict, run, compare"
	@echo "make load-3     puts load on it"
	@echo "make kill-BOX   also pause-BOX resume-BOX start-BOX restart-BOX, such as kill-redis; then: make heal"
	@echo "make scale-5    so many copies of the service (from lab 4 on); make deploy VERSION=2: each is replaced by a new one"
	@echo "make failover   the leading Postgres is killed while clients write; make switchover: it hands the lead over (lab 5)"
	@echo "make status     what stands; make down: nothing stands any more"
	@echo "make test       the kit's own tests; make bench: its figures; make flaky: the checks repeated"

# --- set-up: costs nothing when it is up to date -------------------------------------------------
.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) infra/install.py requirements.txt .venv/ready

.venv/ready-to-test: .venv/ready requirements-dev.txt
	@$(PYTHON) infra/install.py requirements-dev.txt .venv/ready-to-test

setup: .venv/ready

# --- build, prove, break -------------------------------------------------------------------------
lab-%: .venv/ready
	@$(LAB) up $*
check-%: .venv/ready
	@$(LAB) check $* $(NAME)
load-%: .venv/ready
	@$(LAB) load $*
break-%: .venv/ready
	@$(LAB) break $* $(NAME)
kill-% pause-% resume-% start-% restart-% fill-% drain-% admit-%: .venv/ready
	@$(LAB) $(subst -$*,,$@) $*
scale-%: .venv/ready
	@$(LAB) scale app $*
deploy: .venv/ready
	@$(LAB) deploy $(if $(VERSION),--version $(VERSION))
heal status failover switchover: .venv/ready
	@$(LAB) $@
down:
	@if [ -x $(LAB) ]; then $(LAB) down; else echo "No stage stands: nothing is installed yet."; fi

.DEFAULT:
	@echo "make knows no word '$@'. \`make\` alone lists its words." >&2; exit 2

# --- for those who change the kit ----------------------------------------------------------------
# What asks a runtime for a stage is tested in the one that RUNTIME names. With docker the rest is left to the local run:
# it knows no runtime, or it is the local one's own; and the twins and the JavaScript service are plain processes. Of the
# service's own tests, those of what speaks to a server meet the images' servers too.
IN_A_RUNTIME := checks/unit/docker checks/unit/service/adapters checks/matrix checks/journey checks/starters
PROOFS := $(if $(filter docker,$(RUNTIME)),$(IN_A_RUNTIME),\
          checks/unit checks/matrix checks/journey checks/starters checks/other_language checks/twins)

# Most of a test is waiting for a server: two files at a time take little more than half the time of one.
test: lint  ## the kit's own tests, with the checks and their broken twins, in the runtime that RUNTIME names
	@.venv/bin/pytest --numprocesses 2 --dist loadfile $(PROOFS)
bench: .venv/ready-to-test
	@.venv/bin/python -m bench
soak: .venv/ready  ## a lab (3, or LAB=4, LAB=5) for minutes, something broken every few seconds; then every promise is looked at
	@.venv/bin/python -m checks.soak $(if $(filter command,$(firstword $(origin LAB))),--lab $(LAB)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))
# A run keeps the cells that the other runtime has recorded, and makes the page of both.
matrix: .venv/ready-to-test  ## the failure matrix with figures: each box x fault x lab, in the runtime that RUNTIME names
	@mkdir -p .lab/matrix && rm -f .lab/matrix/$(or $(RUNTIME),default).jsonl
	@MATRIX=all MATRIX_RECORD=$(CURDIR)/.lab/matrix/$(or $(RUNTIME),default).jsonl .venv/bin/pytest -q checks/matrix
	@.venv/bin/python -m checks.matrix.page .lab/matrix/*.jsonl >checks/matrix/README.md && echo "checks/matrix/README.md is made anew."
flaky: .venv/ready-to-test
	@.venv/bin/python -m checks.flaky $(LABS) $(if $(RUNS),--runs $(RUNS)) $(if $(BUSY),--busy)
lint: .venv/ready-to-test
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/lint-imports
lock: .venv/ready-to-test  ## lock the requirements anew, by hash, without addresses
	@for set in requirements requirements-dev shortener/requirements; do \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    $(if $(UPGRADE),--upgrade) $$set.in -o $$set.txt >/dev/null || exit 1; done

.PHONY: help setup deploy heal status failover switchover down test bench soak matrix flaky lint lock
