# The main commands are `make rehearse` and `make test`; `make help` lists all others.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

UV_VERSION := 0.13.8
UV := .tools/bin/uv
# uv writes lock files into TMPDIR, so it gets its own.
SYNC = TMPDIR="$$PWD/.tools" flock .tools/lock $(UV) sync
# Use the certificates of this machine (a closed network has its own), and its Python.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_PREFERENCE := only-system
export UV_NO_PROGRESS := 1
# Python prints without a delay, even into a pipe.
export PYTHONUNBUFFERED := 1
# Python reads file names as UTF-8 in every locale.
export PYTHONUTF8 := 1
# The folder of the node's program.
PROGRAM := infrastructure/ansible/roles/pg_backup/files
# A .pth file tells .venv where the code is. Before 3.13, Python reads this file in the locale's encoding, in spite of
# PYTHONUTF8, and cannot start if the path has other characters. So make the path relative.
RELATIVE = sed -i -e 's|^/.*\(/$(PROGRAM)\)$$|../../../..\1|' -e 's|^/.*|../../../..|' \
  .venv/lib/python*/site-packages/_editable_impl_quickdata_pipeline.pth

# The tests of a file share their preparation, so one process runs a whole file.
PYTEST := .venv/bin/pytest -n 3 --dist loadfile --no-loadscope-reorder
# The folders of `make test-long`; CI names some of them at a time.
LONG := $(wildcard tests/*/long)

.PHONY: help
help: ## Show this list.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: rehearse
rehearse: announce install ## The main job: deploy on LocalStack, damage, restore, prove it. Needs no AWS, no Docker.
	@.venv/bin/quickdata rehearse

.PHONY: test-unit
test-unit: install-dev ## The fast loop: the tests that start no process; 20 seconds to 2 minutes.
	@.venv/bin/pytest -n 2 tests/unit $(PYTEST_OPTIONS)

.PHONY: test
test: install-dev lint ## The linters, and one test of every part on real servers; 10 to 30 minutes on 2 cores.
	@printf '%s\n' 'tests: the slowest files run first, so the first dots appear after some minutes'
	@$(PYTEST) $(PYTEST_OPTIONS)

.PHONY: test-long
test-long: install-dev ## The slow tests, in the folders named `long`; 30 to 60 minutes on 2 cores.
	@$(PYTEST) $(LONG) $(PYTEST_OPTIONS)

.PHONY: test-all
test-all: test test-long ## All tests except those of the Swarm; 40 to 90 minutes on 2 cores.

.PHONY: bench
bench: install-dev ## Measure, and compare with the usual tools; one to two hours. See BENCH_OPTIONS=--help.
	@.venv/bin/python benchmarks/bench.py $(BENCH_OPTIONS)

# Run this as root: only root may mount the small disks for the tests of full disks, and a skipped test proves nothing.
.PHONY: test-faults
test-faults: install-dev ## All faults, then all guards removed one by one; writes docs/faults-table.md; 12 to 30 minutes.
	@$(PYTEST) -o norecursedirs= --junitxml=reports/faults.xml tests/node $(PYTEST_OPTIONS)
	@.venv/bin/python -m tests.support.fault_page reports/faults.xml

.PHONY: test-swarm
test-swarm: install-dev ## The tests with containers as nodes; needs Docker; 30 to 60 minutes.
	@tests/images/build
	@.venv/bin/pytest tests/swarm $(PYTEST_OPTIONS)

.PHONY: pictures
pictures: install-dev ## The pictures in README and docs: needs Docker and chromium, 30 to 60 minutes.
	@.venv/bin/python -m tests.support.pictures $(PICTURES)

.PHONY: lint
lint: install-dev ## Run only the linters.
	@PATH="$$PWD/.venv/bin:$$PWD/.tools/bin:$$PATH" .ci/lint

.PHONY: format
format: install-dev ## Format the code.
	@PATH="$$PWD/.venv/bin:$$PWD/.tools/bin:$$PATH" .ci/lint --fix

.PHONY: hooks
hooks: ## Make git run the linters before each commit.
	@git config core.hooksPath .ci/hooks

.PHONY: announce
announce:
	@printf '%s\n' \
	  'make rehearse takes 4 to 15 minutes, and 15 to 35 where Docker runs.' \
	  'The first time, it also downloads:' \
	  '  uv (25 MB) and the locked Python packages (about 150 MB; 760 MB in .venv),' \
	  '  OpenTofu (30 MB), only if neither tofu nor terraform is on PATH,' \
	  '  the AWS provider, unless there is a mirror (150 MB for each of two stacks,' \
	  '  later rehearsals too),' \
	  '  and packages for the node (25 MB).' \
	  'If Docker runs and has the images or can pull them (2 GB), the nodes are' \
	  'containers with a real Swarm.' \
	  'It needs no AWS account and no Docker. Afterwards, only these remain:' \
	  '  in this folder: reports/, .venv, .tools and caches that git ignores;' \
	  '  in ~/.cache: downloads of uv, pip and quickdata; in Docker: images.'

.PHONY: install
install: python $(UV) ## Install the packages for the verbs into .venv.
	@$(SYNC) --frozen --quiet --inexact --group tools --group rehearsal
	@$(RELATIVE)

.PHONY: install-dev
install-dev: python $(UV)
	@test -d .venv || printf '%s\n' 'installing the locked packages into .venv: this takes minutes the first time' >&2
	@$(SYNC) --frozen --quiet --all-groups
	@$(RELATIVE)

.PHONY: python
python:
	@python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
	  { printf '%s\n' 'Python 3.11 or newer with venv is missing: on Debian, apt-get install python3 python3-venv' >&2; exit 2; }

$(UV): Makefile
	@mkdir -p .tools
	@flock .tools bash -euc 'python3 -m venv --clear .tools; \
	  .tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); touch $@'

.PHONY: clean
clean: ## Remove installed packages and caches from this folder.
	@rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .ansible
