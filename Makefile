# jetchain's entry points. `make all` on a fresh machine with Python 3.11+, git and g++ does everything.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

PYTHON ?= python3
CORES ?= all
VENV := .venv
# Relative, for the folder's name may have spaces.
BIN := $(VENV)/bin
# Tests and tools start programs of the environment by their names.
WITH_BIN := PATH="$$PWD/$(BIN):$$PATH"
STAMP := $(VENV)/.installed
BENCHES := bench_generate bench_detector bench_particleflow bench_jets bench_tagging \
  bench_taggers bench_limits
SNAKEMAKE := $(WITH_BIN) snakemake
PROVENANCE := $(WITH_BIN) python -m jetchain.provenance
# Snakemake keeps a cache in the home folder; where that cannot be written, it stands here.
ifndef XDG_CACHE_HOME
ifneq ($(shell mkdir -p "$$HOME/.cache" 2> /dev/null && test -w "$$HOME/.cache" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
endif
endif
# More arguments for snakemake, such as ARGS="--configfile my.yaml".
ARGS ?=
# The folder of the run that `make report` shows.
RUN ?= .
# The finished tiny run that the tests share; a later call goes on from it.
PYTEST := $(WITH_BIN) pytest -n 2 --dist loadfile --tiny-run .tiny
ARCHIVE ?= jetchain-run.tar

# Which part of the slow tests `make test-slow` runs.
SHARE ?= 1/1
# How many other seeds `make spread` runs.
SEEDS ?= 20
REGRESSION := $(BIN)/python -m jetchain.regression
FINISH_TINY := $(SNAKEMAKE) --cores $(CORES) --directory .tiny \
  --configfile config/test.yaml --

.PHONY: all quick test test-storage test-publication test-trees test-faults test-mutations test-slow test-slurm report site \
  references compare spread explain estimate verify pack slim unpack fork crate cite notebooks lint \
  format bench docs lock platforms install clean help

all: install ## the whole chain at laptop scale
	$(SNAKEMAKE) --cores $(CORES) all $(ARGS)

quick: install ## a first look: the first figures of every room, in quick/results/reporting
	$(SNAKEMAKE) --cores $(CORES) --directory quick --configfile config/quick.yaml -- quick

test: install ## all tests, with a real run of the tiny configuration
	$(PYTEST) --durations 20 -m "not faults and not mutations and not shared and not storage and not publication and not trees" tests

test-storage: install ## results and sources in local servers of S3 and XRootD; fetches what the lock does not have
	$(BIN)/python -m pip install --quiet --target $(VENV)/storage -c envs/requirements.txt \
	  -r envs/storage.txt
	PYTHONPATH="$$PWD/$(VENV)/storage" $(PYTEST) -m storage tests

test-publication: install ## HEPData's validator, and pyhs3 beside pyhf; fetches what the lock does not have
	$(BIN)/python -m pip install --quiet --target $(VENV)/publication -c envs/requirements.txt \
	  -r envs/publication.txt
	$(PYTHON) -m venv $(VENV)/hs3
	$(VENV)/hs3/bin/pip install --quiet -r envs/hs3.txt
	PYTHONPATH="$$PWD/$(VENV)/publication" JETCHAIN_HS3_PYTHON="$$PWD/$(VENV)/hs3/bin/python" \
	  $(PYTEST) -m publication tests

test-trees: install ## boosted trees as firmware; fetches what the lock does not have, uses ghdl if it is there
	$(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/trees -r envs/trees.txt
	PYTHONPATH="$$PWD/$(VENV)/trees" $(PYTEST) -m trees tests

test-faults: install ## kill, damage and fill the disk of real runs: nothing may be lost
	$(PYTEST) -m faults tests

test-mutations: install ## wrong physics constants, one at a time: each must be noticed
	$(PYTEST) --durations 0 -rA -m mutations tests

test-slow: install ## faults, mutations, documentation's commands, each module's reruns; SHARE=<k>/<n>: the k-th of n parts
	$(PYTEST) --durations 20 -m "faults or mutations or shared" --share $(SHARE) tests

test-slurm: install ## the tiny run on a Slurm of this machine's own, killed and finished (as root)
	$(BIN)/python -m pip install --quiet -c envs/requirements.txt -c envs/farm.txt \
	  snakemake-executor-plugin-slurm
	@mkdir -p .tiny
	$(FINISH_TINY) all
	$(WITH_BIN) tests/farm/slurm.sh .tiny

compare: install ## compare the tiny run with tests/reference; regression.html shows what moved
	@mkdir -p .tiny
	$(FINISH_TINY) tables
	@$(REGRESSION) compare

references: install ## take the tiny run as the reference in tests/reference, and say what changed
	@mkdir -p .tiny
	$(FINISH_TINY) tables
	@$(REGRESSION) renew

spread: install ## how far the physics moves with SEEDS=<n> other seeds; kept in tests/reference
	@mkdir -p .tiny
	$(FINISH_TINY) tables
	@$(REGRESSION) spread --seeds $(SEEDS) --cores $$(nproc)

report: install ## report.html: the finished results as one page, self-contained; or of RUN=<folder>
	@# With the run's own configuration, unless the user names another.
	kept="$(RUN)/results/provenance/configuration.yaml"; \
	test -f "$$kept" $(if $(findstring --configfile,$(ARGS)),&& false) || kept=; \
	$(SNAKEMAKE) --cores $(CORES) --directory "$(RUN)" finished \
	  --reporter jetchain --report-jetchain-path report.html \
	  $${kept:+--configfile "$$kept"} $(ARGS)

site: install ## site/index.html: the documentation, with the figures of this run
	@test -f "$${JETCHAIN_RESULTS:-results}/reporting/overview.png" || { \
	  echo "The pages show the figures of a finished run: run \`make all\` first, or name another" \
	  "run's folder of results with JETCHAIN_RESULTS." >&2; exit 1; }
	@# Built anew each time: pages hold figures and numbers of the run, which Sphinx does not watch.
	$(WITH_BIN) sphinx-build --quiet --fail-on-warning --keep-going --fresh-env \
	  --doctree-dir docs/_build docs site

explain: install ## which jobs `make all` would run, why, and for how long
	@$(PROVENANCE) explain --cores $(CORES) all $(ARGS)

estimate: install ## what a configuration takes: cores, memory, disk; ARGS="--configfile ..."
	@$(PROVENANCE) estimate --cores $(CORES) all $(ARGS)

verify: install ## compare the results with their manifest, or with MANIFEST=<another run's>
	@$(PROVENANCE) verify $(if $(MANIFEST),"$(MANIFEST)")

pack: install ## the finished run as one archive, ARCHIVE=<file>; SLIM=1: as `make slim` leaves it
	@$(PROVENANCE) pack "$(ARCHIVE)" $(if $(SLIM),--slim)

slim: install ## remove what of a finished run nothing reads again: detector events, graphs
	@$(PROVENANCE) slim

unpack: install ## continue the run of ARCHIVE=<file> in this fresh clone
	@$(PROVENANCE) unpack "$(ARCHIVE)"

fork: install ## a second folder, TO=<folder>, that shares this run's files
	@$(PROVENANCE) fork "$(or $(TO),$(error name the new folder: make fork TO=../analysis))"

crate: install ## results/ro-crate-metadata.json: the run as an RO-Crate
	@$(PROVENANCE) crate

cite: install ## results/provenance/references.bib: the papers of what the run used, as BibTeX
	@$(PROVENANCE) cite

notebooks: install ## notebooks/: the tutorial as notebooks, with the outputs of this run
	$(BIN)/python -m jetchain.plumbing.notebooks

bench: install ## speed beside peers of generation, detector, taggers and limits; of Snakemake itself
	@# One at a time: measurements beside each other would disturb each other.
	$(SNAKEMAKE) --cores 1 --forcerun $(BENCHES) $(ARGS) -- bench
	$(WITH_BIN) python -m jetchain.plumbing.bench
	$(WITH_BIN) python -m jetchain.plumbing.bench_chain $(ARGS)
	@cat results/bench/*.json

lint: install ## ruff, mypy, snakefmt, snakemake --lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile workflow/rules
	@# One environment serves all rules, so "a conda environment for each rule" is not for us.
	@lints=$$($(SNAKEMAKE) --lint 2>&1 || true); \
	  case "$$lints" in *"Lints for"* | *Congratulations*) ;; *) echo "$$lints" >&2; exit 1;; esac; \
	  ! grep '^    \* ' <<< "$$lints" | grep -v 'Specify a conda environment' || \
	  { echo "snakemake --lint complains (above)" >&2; exit 1; }

format: install ## bring code and rules into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/Snakefile workflow/rules

docs: install ## config.yaml, config/README.md and the schema from the settings classes
	$(BIN)/python -m jetchain.plumbing.documentation

lock: ## resolve envs/requirements.in into the lock file, in a scratch environment
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet $$(grep '^torch==' envs/requirements.in)
	$(VENV)-lock/bin/pip install --quiet -r envs/requirements.in
	{ echo "# The one lock: resolved from requirements.in by \`make lock\`."; \
	  $(VENV)-lock/bin/pip freeze --all --exclude pip | sed 's/+cpu$$//'; } > envs/requirements.txt
	rm -rf $(VENV)-lock

platforms: install ## docs/reference/platforms.md: which packages of the lock have wheels where
	$(BIN)/python -m jetchain.plumbing.platforms

install: $(STAMP) ## the environment in .venv

# The programs of an environment know the folder that it was made in: in another one it is made anew.
MADE_IN := $(shell cat $(STAMP) 2> /dev/null)
ifneq "$(MADE_IN)" ""
ifneq "$(MADE_IN)" "$(CURDIR)"
.PHONY: $(STAMP)
endif
endif

# torch goes first, by its exact pin: nothing that comes after may choose another build of it.
$(STAMP): envs/requirements.txt pyproject.toml
	@case "$$PWD" in *[:\"\$$\`\\{}]*) echo "The folder $$PWD has one of : \" \$$ \` \\ { } in its name," \
	  "which pip and the programs that it installs cannot stand: rename it." >&2; exit 1;; esac
	@command -v g++ > /dev/null || { echo "g++ is missing: the firmware room compiles C++." \
	  "Install it (Debian: apt-get install g++; macOS: xcode-select --install)." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@case "$$(cat $@ 2> /dev/null)" in "" | "$$(pwd -P)") ;; \
	  *) echo "The folder was moved: $(VENV) is made anew."; rm -rf $(VENV);; esac
	@! test -e $(BIN)/python || $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(VENV) has a Python older than 3.11: remove it (rm -r $(VENV)) and call make again." >&2; \
	  exit 1; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
	  echo "Python's venv module is missing (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet $$(grep '^torch==' envs/requirements.txt)
	$(BIN)/python -m pip install --quiet -r envs/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	pwd -P > $@

clean: ## remove results and logs; the environment stays
	rm -rf results quick .snakemake report.html site docs/_build

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
