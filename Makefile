# Two commands on a fresh machine: `make repro` and `make test`.
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: repro test lint clean

## Run what changed, print the metrics, say where the report is. RECIPE=recipes/x.yaml copies that recipe over first.
repro: $(VENV)/relight
ifdef RECIPE
	cp $(RECIPE) params.yaml
endif
	@relight data
	dvc repro
	@relight show

## Everything that .ci/run runs.
test: $(VENV)/test lint
	pytest -n 2 --dist loadgroup

lint: $(VENV)/test
	ruff check src stages tests benchmarks examples
	ruff format --check src stages tests benchmarks examples
	mypy
	lint-imports

## The environment; made anew when its pins change.
$(VENV)/relight: constraints.txt pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	pip install --constraint constraints.txt --editable .
	touch $@

$(VENV)/test: $(VENV)/relight
	pip install --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV)
