# `make repro` and `make test` do all their own set-up from a fresh clone; nothing outside this folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := pipeline dastm tests

.PHONY: repro test coverage test-fast lint format bench benchmark gpu-check encoders fuzz clean
.DELETE_ON_ERROR:

repro: $(VENV)/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro

# A process a core and one more, each with one thread; a file's tests stay together, for they share what is expensive to
# make, and tests/conftest.py has the longest files begin first. Compiled test files are kept even where a machine says not
# to: without them every process rewrites all assertions, which takes it 20 s.
TESTS := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q --numprocesses auto --dist loadfile --no-loadscope-reorder
# Of a part of the tests, files without any are not even imported.
KERNEL_TESTS = $$(grep -rl --include='test_*.py' 'mark\.kernel' tests)
FAST_TESTS = $$(grep -rL --include='test_*.py' '^pytestmark = .*mark\.slow' tests)

test: $(VENV)/ready
	$(TESTS)

# The same tests with lines and branches counted, which takes a third longer, and the numba kernels again as plain Python.
coverage: $(VENV)/ready
	$(TESTS) --cov --cov-report=
	NUMBA_DISABLE_JIT=1 $(TESTS) --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=95 -m kernel $(KERNEL_TESTS)

test-fast: $(VENV)/ready
	$(TESTS) -m "not slow" $(FAST_TESTS)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/ready
	$(BIN)/python -m tests.bench --growth --out build/bench
	$(BIN)/python -m tests.bench.operations
	$(BIN)/python -m tests.bench.loaders
	$(BIN)/python -m tests.bench.data --growth --out build/bench
	$(BIN)/python -m tests.bench.form_rates
	$(BIN)/python -m tests.bench.recogniser

# On a machine with a GPU, about four minutes; DEVICE=cpu runs what needs none.
DEVICE ?= cuda
gpu-check: $(VENV)/ready
	$(BIN)/python -m tests.bench.gpu --device $(DEVICE) --out build/gpu-check

# Recordings of people, which do not come with the project: a folder of <name>.yaml and <name>.zip.
KINECTSETS ?= data/kinectsets
benchmark: $(VENV)/ready
	$(BIN)/python -m tests.bench.kinectsets --sets '$(KINECTSETS)' --out build/benchmark
	$(BIN)/python -m tests.bench.sessions --sets '$(KINECTSETS)'

# The shipped encoders, from nothing but `dastm-data synth`: about an hour on two cores.
encoders: $(VENV)/ready
	$(BIN)/python -m tests.bench.ship motion3d augment.layout=standard19 matching.path_power=0.7
	$(BIN)/python -m tests.bench.ship motion2d augment.layout=pose15 augment.yaw=0 pretrain.steps=2000 optimise.epochs=3

fuzz: $(VENV)/ready
	$(BIN)/python -m tests.fuzz --out build/fuzz

# constraints.txt pins every package; on CPU-only machines set PIP_EXTRA_INDEX_URL to PyTorch's CPU index for a small torch.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage
