#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds targets: a moving line on a terminal, nothing but errors elsewhere.
# usage: build.sh BUILD_DIR JOBS TARGET...
set -euo pipefail

build=$1 jobs=$2
shift 2
started=$SECONDS
if [ -t 1 ]; then
  NINJA_STATUS="[%f/%t, %es] " ninja -C "$build" -j "$jobs" "$@"
else
  ninja -C "$build" -j "$jobs" --quiet "$@"
fi
[ $((SECONDS - started)) -lt 5 ] || echo "built $* in $((SECONDS - started)) s"
