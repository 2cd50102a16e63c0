# The one menu. `make demo` and `make test` set up everything they need by themselves.

PYTHON := .venv/bin/python
ONLY ?=

.DEFAULT_GOAL := help
.PHONY: help demo test bench plugin krita screenshots lint lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## one picture from a sleeping machine, watched from start to sleep (build/demo)
	@bash .ci/bootstrap run
	@.venv/bin/wakebrush demo --output build/demo

test:  ## linters and every test suite; ONLY="unit service" runs some (build/junit, build/logs)
	@bash .ci/bootstrap test
	@$(PYTHON) .ci/suites.py $(if $(ONLY),$(ONLY),lint unit plugin service contract aws krita browser faults image)

bench:  ## measures what docs/performance.md promises; ONLY=skeleton runs one subject (build/bench)
	@bash .ci/bootstrap bench
	@$(PYTHON) -m tests.benchmarks $(ONLY)

plugin:  ## the zip that Krita imports (dist)
	@bash .ci/bootstrap run
	@$(PYTHON) krita_plugin/package.py

krita: plugin  ## Krita with the plugin, a service and a practice machine, in a profile of its own (build/krita)
	@bash .ci/bootstrap test
	@bash .ci/try_krita

screenshots:  ## pictures of the docker in real Krita and of ComfyUI's web page (build/screenshots)
	@bash .ci/bootstrap test
	@$(PYTHON) .ci/suites.py --keyword screenshot krita browser

lint:  ## style, format and types
	@bash .ci/bootstrap test
	@$(PYTHON) .ci/suites.py lint

lock:  ## the newest versions of all libraries that setup.cfg allows (.ci/requirements.lock)
	@bash .ci/bootstrap test
	@bash .ci/lock

clean:  ## removes everything that can be made again
	rm -rf build dist .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
