#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every ctest test of a build directory, as many at once as there are processors. Prints doctest's summaries, ctest's summary, and last `N passed, N failed`.
# usage: run_tests.sh BUILD_DIR [ctest arguments]
set -uo pipefail

build=${1:?build directory}
shift
report=$(cd "$build" && pwd)/test_report.xml
rm -f "$report"

ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure --no-tests=error --timeout 600 --output-junit "$report" \
  --test-output-size-passed 65536 --test-output-size-failed 1048576 --test-output-truncation middle "$@" </dev/null
code=$?

python3 "$(dirname "$0")/summarize_tests.py" "$report" || code=1
exit "$code"
