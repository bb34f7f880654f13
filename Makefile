# The two commands are `make rehearse` and `make test`; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

UV_VERSION := 0.13.8
UV := .tools/bin/uv
# uv leaves its lock files in TMPDIR.
SYNC = TMPDIR="$$PWD/.tools" flock .tools/lock $(UV) sync
# The machine's own certificates (a closed network has its own) and its own Python.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_PREFERENCE := only-system
export UV_NO_PROGRESS := 1
# What Python prints arrives at once, also through a pipe.
export PYTHONUNBUFFERED := 1
# Whatever the locale is: names of files are UTF-8.
export PYTHONUTF8 := 1
# Where the node's program lies.
PROGRAM := infrastructure/ansible/roles/pg_backup/files
# The file that tells .venv where the code is: before 3.13, Python reads it in the locale's encoding whatever
# PYTHONUTF8 says, and cannot start when the path has a character outside that encoding. A relative path has none.
RELATIVE = sed -i -e 's|^/.*\(/$(PROGRAM)\)$$|../../../..\1|' -e 's|^/.*|../../../..|' \
  .venv/lib/python*/site-packages/_editable_impl_quickdata_pipeline.pth

# A file's tests share what they prepared, so one process runs them all.
PYTEST := .venv/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder
# What only `make test-long` runs; CI gives it one folder after the other.
LONG := $(wildcard tests/*/long)

.PHONY: help
help: ## Show this list.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: rehearse
rehearse: announce install ## The main job: deploy on LocalStack, damage, restore, prove it. Needs no AWS, no Docker.
	@.venv/bin/quickdata rehearse

.PHONY: test-unit
test-unit: install-dev ## The fast loop: the tests that start no process, about 20 seconds.
	@.venv/bin/pytest -n 2 tests/unit $(PYTEST_OPTIONS)

.PHONY: test
test: install-dev lint ## Linters, and the whole thread once on real parts: about 10 minutes on 2 cores.
	@printf '%s\n' 'tests: the longest begin, so the first dots come after some minutes'
	@$(PYTEST) $(PYTEST_OPTIONS)

.PHONY: test-long
test-long: install-dev ## What `make test` leaves out: the folders named `long`; about 30 minutes.
	@$(PYTEST) $(LONG) $(PYTEST_OPTIONS)

.PHONY: test-all
test-all: test test-long ## Both: all tests but the Swarm's, about 40 minutes.

.PHONY: bench
bench: install-dev ## Measure, beside what people use instead; about an hour. BENCH_OPTIONS=--help says what else.
	@.venv/bin/python benchmarks/bench.py $(BENCH_OPTIONS)

# A test that is skipped proves nothing, so as root: only root may mount the small disks that get full.
.PHONY: test-faults
test-faults: install-dev ## Every fault at every moment, every guard taken out; writes docs/faults-table.md, about 12 minutes.
	@$(PYTEST) -o norecursedirs= --junitxml=reports/faults.xml tests/node $(PYTEST_OPTIONS)
	@.venv/bin/python -m tests.support.fault_page reports/faults.xml

.PHONY: test-swarm
test-swarm: install-dev ## The tests on nodes that are containers: needs Docker, about 30 minutes.
	@tests/images/build
	@.venv/bin/pytest tests/swarm $(PYTEST_OPTIONS)

.PHONY: lint
lint: install-dev ## Only the linters.
	@PATH="$$PWD/.venv/bin:$$PWD/.tools/bin:$$PATH" .ci/lint

.PHONY: format
format: install-dev ## Format the code.
	@PATH="$$PWD/.venv/bin:$$PWD/.tools/bin:$$PATH" .ci/lint --fix

.PHONY: hooks
hooks: ## Let git run the linters before each commit.
	@git config core.hooksPath .ci/hooks

.PHONY: announce
announce:
	@printf '%s\n' \
	  'make rehearse takes 4 to 15 minutes (about 4 on 2 quiet cores, 6 with Docker), plus downloads the first time:' \
	  '  uv (25 MB) and the locked Python packages (about 150 MB; 760 MB on disk in .venv),' \
	  '  OpenTofu (30 MB) only when neither tofu nor terraform is on PATH,' \
	  '  the AWS provider (about 150 MB) unless a mirror is found, packages for the node (25 MB).' \
	  'Where Docker answers and has the images or can pull them (2 GB), the nodes are containers with a real Swarm.' \
	  'It needs no AWS account and no Docker. What stays in this folder: reports/, .venv, .tools and caches that git ignores;' \
	  '  in ~/.cache: what was downloaded (uv, pip, quickdata); in Docker: images.'

.PHONY: install
install: python $(UV) ## Install what the verbs need into .venv.
	@$(SYNC) --frozen --quiet --inexact --group tools --group rehearsal
	@$(RELATIVE)

.PHONY: install-dev
install-dev: python $(UV)
	@test -d .venv || printf '%s\n' 'the locked packages are installed into .venv: minutes, the first time' >&2
	@$(SYNC) --frozen --quiet --all-groups
	@$(RELATIVE)

.PHONY: python
python:
	@python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
	  { printf '%s\n' 'Python 3.11 or newer with venv is needed: on Debian, apt-get install python3 python3-venv' >&2; exit 2; }

$(UV): Makefile
	@mkdir -p .tools
	@flock .tools bash -euc 'python3 -m venv --clear .tools; \
	  .tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); touch $@'

.PHONY: clean
clean: ## Remove what was installed and cached here.
	@rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .ansible
