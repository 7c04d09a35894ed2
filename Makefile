# One front door. Needs Python >= 3.11, git and make; everything else lands in .venv.
#
#   ADVISOR_TORCH=cpu|cuda   which torch build to ask for (default: cuda when nvidia-smi answers)
#   TORCH_PIP_ARGS='...'     extra words for the pip call that installs torch (an --index-url, say)
#   PYTHON=/path/to/python   the interpreter to build .venv with
#   TEST_WORKERS=N           processes that share the tests (default 2; each may take 3 GiB)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check test-full bench docs clean

VENV := $(or $(ADVISOR_VENV),.venv)
BIN := $(VENV)/bin
TEST_WORKERS ?= 2
export HF_HUB_OFFLINE := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

help: ## this list
	@echo "make TARGET"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14
	@sed -n 's/^#   \([A-Z_]*=.*\)/  \1/p' Makefile

setup: ## the environment .venv, pinned; quick when it is already there
	@ADVISOR_VENV="$(VENV)" sh scripts/setup.sh

demo: setup ## the whole path on three bundled tasks, offline
	@$(BIN)/advisor demo

test: setup ## the tests, without slow and gpu ones
	@$(BIN)/python -m pytest --durations=10 -n $(TEST_WORKERS) --dist loadfile

check: setup ## lint, format, types, layers, rules, generated docs
	@echo "[check] ruff" && $(BIN)/ruff check --quiet .
	@echo "[check] ruff format" && $(BIN)/ruff format --check --quiet .
	@echo "[check] mypy" && $(BIN)/mypy
	@$(BIN)/mypy --explicit-package-bases scripts/*.py benchmarks/*/*.py
	@echo "[check] layers" && $(BIN)/lint-imports --no-logo
	@echo "[check] rules" && $(BIN)/advisor rules check rules --quiet
	@echo "[check] docs" && $(BIN)/python scripts/make_docs.py --check
	@$(BIN)/python scripts/update_readme.py --check

test-full: setup ## every test, with full counts
	@$(BIN)/python -m pytest --runslow --durations=20 -n $(TEST_WORKERS) --dist loadfile

bench: setup ## measurements that benchmarks/results lacks
	@for script in benchmarks/*/measure.py; do $(BIN)/python $$script --missing || exit 1; done
	@$(BIN)/python scripts/update_readme.py

docs: setup ## write the generated pages and figures again
	@$(BIN)/python scripts/make_docs.py
	@$(BIN)/python scripts/update_readme.py

clean: ## remove .venv, builds and caches
	rm -rf "$(VENV)" build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find advisor trainers rag_baseline tests -name __pycache__ -type d -prune -exec rm -rf {} +
