# The two commands of the README: `make demo` and `make test`. Both install what is missing first.

BUILD   := build/release
VENV    := .venv
PYTHON  := $(VENV)/bin/python
JOBS    ?= $(shell nproc)
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PROMPT  ?= In the beginning

DEBIAN_BUILD := clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools \
                cmake ninja-build g++ ccache libjansson-dev libutf8proc-dev
DEBIAN_TEST  := catch2 python3 python3-venv bible-kjv bible-kjv-text libclang-rt-22-dev

.PHONY: help demo build test test-long test-families bench docs packages test-packages python clean

help:
	@echo 'make demo       build, compile the trained language model, let it write'
	@echo 'make build      build the tools into $(BUILD)/bin'
	@echo 'make test       the fast tests (under 15 minutes)'
	@echo 'make test-long  the long tests'
	@echo 'make test-families  every family against its public implementation, a line for each'
	@echo 'make bench      compare with other implementations; NAME=… picks rows'
	@echo 'make docs       write the reference pages of docs/ again'

# Installs only what dpkg does not know yet, so that no root is needed where all is there.
define install
	@missing=""; for p in $(1); do dpkg -s $$p 2>/dev/null | grep -q '^Status: install ok' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; \
	  $(SUDO) apt-get update -q && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -q --no-install-recommends $$missing; fi
endef

packages:
	$(call install,$(DEBIAN_BUILD))

test-packages: packages
	$(call install,$(DEBIAN_TEST))

$(BUILD)/build.ninja:
	cmake --preset release $(if $(shell command -v ccache),-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

build: packages
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	cmake --build $(BUILD) -j $(JOBS)

# Without the tests: the demo needs the tools only.
demo: packages
	cmake --preset release -DSEQ_BUILD_TESTS=OFF $(if $(shell command -v ccache),-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
	cmake --build $(BUILD) -j $(JOBS) --target seq-compile seq_program
	$(BUILD)/bin/seq-compile examples/bible-lm/model -o $(BUILD)/bible-lm
	$(BUILD)/bible-lm generate --prompt "$(PROMPT)" --max-new 400 --temperature 0.7 --seed 1

python: test-packages
	@[ -x $(PYTHON) ] || python3 -m venv $(VENV)
	@$(PYTHON) -m pip install -q --disable-pip-version-check -r test/python/requirements.txt
	@$(PYTHON) -m pip install -q --disable-pip-version-check --no-deps -r test/python/requirements-no-deps.txt

test: python
	cmake --preset release -DSEQ_BUILD_TESTS=ON -DPython3_EXECUTABLE=$(CURDIR)/$(PYTHON) $(if $(shell command -v ccache),-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
	cmake --build $(BUILD) -j $(JOBS)
	ctest --test-dir $(BUILD) -L fast -j $(JOBS) --output-on-failure

# LONG_MINUTES bounds the time; tests that were not started by then are not run.
test-long: python
	cmake --preset release -DSEQ_BUILD_TESTS=ON -DPython3_EXECUTABLE=$(CURDIR)/$(PYTHON)
	cmake --build $(BUILD) -j $(JOBS)
	ctest --test-dir $(BUILD) -L long --output-on-failure $(if $(LONG_MINUTES),--stop-time "$$(date -d '+$(LONG_MINUTES) minutes' +%H:%M:%S)")

# Every family against its public implementation, a line for each.
test-families: python
	cmake --preset release -DSEQ_BUILD_TESTS=ON -DPython3_EXECUTABLE=$(CURDIR)/$(PYTHON)
	cmake --build $(BUILD) -j $(JOBS)
	SEQ_TOOLS_DIR=$(CURDIR)/$(BUILD)/bin $(PYTHON) test/python/family_table.py

bench: python
	@$(PYTHON) -m pip install -q --disable-pip-version-check -r bench/requirements.txt
	@$(MAKE) --no-print-directory build
	$(PYTHON) bench/run.py --tools $(BUILD)/bin $(if $(NAME),--name "$(NAME)")

docs: build
	cmake --build $(BUILD) --target seq-docs

clean:
	rm -rf build
