# Names for people. CI calls the same targets. One build folder for everything but the sanitizers: build/ (Release).
BUILD ?= build
TYPE ?= Release
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := build
.PHONY: help deps configure build demo test check tsan bench sim fuzz install docs golden clean

help:  ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/:/' | sed -E 's|^([a-z]+): +(.*)|  make \1\t\2|' | expand -t 16

deps:  ## Install the missing Debian packages
	@tests/support/install_dependencies.sh

configure: deps
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=$(TYPE) >$(BUILD).configure.log 2>&1 \
	  || { cat $(BUILD).configure.log; exit 1; }; rm -f $(BUILD).configure.log

build: configure  ## Build the program: build/apps/hillstar-actors
	@tests/support/build.sh $(BUILD) $(JOBS) hillstar-actors

demo: build  ## Run, kill and resume a workflow with a real local model
	@tests/support/demo.sh $(BUILD)/apps/hillstar-actors

# A real keyring, a real cluster and more, each for one test, which is skipped without them.
TEST_PACKAGES = bubblewrap dbus-daemon gnome-keyring iproute2 libsecret-tools munge nftables python3-croniter slurm-wlm
test: configure  ## Build everything and run every test
	@tests/support/install_dependencies.sh $(TEST_PACKAGES)
	@tests/support/build.sh $(BUILD) $(JOBS) all
	@tests/support/run_tests.sh $(BUILD)

check:  ## What a change must pass before it is merged: format, tests, tests under ASan and UBSan
	@tests/support/check.sh $(JOBS)

TSAN_TESTS = persistence_tests provider_tests actor_tests cli_tests
tsan: deps  ## Tests of what owns threads, under ThreadSanitizer
	@cmake --preset tsan >/dev/null
	@tests/support/build.sh build/tsan $(JOBS) $(TSAN_TESTS)
	@for test in $(TSAN_TESTS); do tests/support/sanitized_tests.sh build/tsan -R "^$$test\$$" || exit 1; done

bench: configure  ## Measure the engine beside the machine's own limits
	@tests/support/build.sh $(BUILD) $(JOBS) hillstar_bench mock_model_server hillstar-actors
	@$(BUILD)/tests/bench/hillstar_bench --folder $(BUILD)/bench --binary $(BUILD)/apps/hillstar-actors \
	  --server $(BUILD)/tests/support/mock_model_server

sim: configure  ## Simulate random worlds; SEED=n repeats one
	@tests/support/build.sh $(BUILD) $(JOBS) core_tests
	@$(if $(SEED),HILLSTAR_SEED=$(SEED)) $(BUILD)/tests/core_tests --test-case='simulation*'

fuzz:  ## Fuzz the parsers for FUZZ_SECONDS each
	@tests/support/fuzz.sh $(JOBS) $(FUZZ_SECONDS)

install: build  ## Install to PREFIX
	@cmake --install $(BUILD) --prefix $(PREFIX)

docs: configure  ## Check links, error pages and examples
	@tests/support/build.sh $(BUILD) $(JOBS) tidy_test
	@$(BUILD)/tests/tidy/tidy_test --test-case='docs*'

golden: configure  ## Rewrite golden files; read the diff before you commit it
	@tests/support/build.sh $(BUILD) $(JOBS) core_tests
	@HILLSTAR_GOLDEN=rewrite $(BUILD)/tests/core_tests --test-case='golden*' >/dev/null || true
	@git --no-pager diff --stat -- tests/golden

clean:  ## Remove what was built
	@rm -rf $(BUILD) out
