#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs ctest tests of a sanitized build directory. Every process writes its findings below BUILD_DIR/findings, also one
# whose exit code and words no test looks at; a finding fails the run.
# usage: sanitized_tests.sh BUILD_DIR [ctest arguments]
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
findings=$(cd "${1:?build directory}" && pwd)/findings
rm -rf "$findings"
mkdir -p "$findings"
common="log_path=$findings/report:print_stacktrace=1"
export ASAN_OPTIONS="$common:detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1"
export UBSAN_OPTIONS="$common"
export LSAN_OPTIONS="suppressions=$here/lsan.supp:print_suppressions=0"
export TSAN_OPTIONS="$common:suppressions=$here/tsan.supp:print_suppressions=0:second_deadlock_stack=1"

"$here/run_tests.sh" "$@"
code=$?
reports=$(find "$findings" -type f | sort)
if [ -n "$reports" ]; then
  # shellcheck disable=SC2086
  head -n 60 $(echo "$reports" | head -n 5)
  echo "the sanitizers found something in $(echo "$reports" | wc -l) processes: $findings"
  code=1
fi
exit "$code"
