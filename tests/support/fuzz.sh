#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the libFuzzer programs with clang, AddressSanitizer and UndefinedBehaviorSanitizer, and runs each for a while.
# New inputs stay in build/fuzz/corpus; a crash is kept as tests/fuzz/corpus/TARGET/crash-*, which `make test` replays.
# usage: fuzz.sh JOBS SECONDS [TARGET...]
set -euo pipefail

jobs=${1:?jobs} seconds=${2:?seconds}
shift 2
cd "$(dirname "$0")/../.."
tests/support/install_dependencies.sh clang libclang-rt-dev llvm
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(json workflow templates redaction decide record sse replies governance schema)

cmake --preset fuzz >/dev/null
tests/support/build.sh build/fuzz "$jobs" "${targets[@]/#/fuzz_}"
failed=0
for target in "${targets[@]}"; do
  mkdir -p "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target"
  echo "== $target, $seconds s"
  log=build/fuzz/$target.log
  if build/fuzz/tests/fuzz/fuzz_"$target" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=4096 \
      -artifact_prefix="tests/fuzz/corpus/$target/" "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" examples tests/compat \
      >"$log" 2>&1 </dev/null; then
    tail -n 1 "$log"
  else
    tail -n 30 "$log"
    failed=$((failed + 1))
  fi
done
echo "$((${#targets[@]} - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
