#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a change must pass: layout, rules of the source tree, every test, and every test under ASan and UBSan.
# usage: check.sh [JOBS]
set -euo pipefail

cd "$(dirname "$0")/../.."
jobs=${1:-$(nproc)}

echo "== layout"
if command -v clang-format >/dev/null; then
  git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run --Werror
else
  echo "clang-format is missing: not checked (apt-get install clang-format)"
fi

echo "== tests"
make --no-print-directory test JOBS="$jobs"

echo "== tests under AddressSanitizer and UndefinedBehaviorSanitizer"
cmake --preset asan >/dev/null
tests/support/build.sh build/asan "$jobs" all
tests/support/run_tests.sh build/asan
