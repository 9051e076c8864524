#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a change must pass: layout, rules of the source tree, every test, and every test under ASan and UBSan.
# usage: check.sh [JOBS]
set -euo pipefail

cd "$(dirname "$0")/../.."
jobs=${1:-$(nproc)}

tests/support/install_dependencies.sh clang-format

echo "== layout"
git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format --dry-run --Werror

echo "== tests"
make --no-print-directory test JOBS="$jobs"

echo "== tests under AddressSanitizer and UndefinedBehaviorSanitizer"
cmake --preset asan >/dev/null
tests/support/build.sh build/asan "$jobs" all
tests/support/sanitized_tests.sh build/asan
