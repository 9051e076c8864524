#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same work by peers and by this engine, on this machine, in one run: `make bench-peers`.
# Usage: run.sh BENCH_PROGRAM MODEL_SERVER [PEER...]      peers: restate langgraph dbos bullmq (default: restate)
# Peers come from the npm registry and Debian on first use; everything stays on loopback and in $BENCH_WORK.
set -u
HERE=$(cd "$(dirname "$0")" && pwd); BENCH=$1; SERVER=$2; shift 2
export BENCH_WORK=${BENCH_WORK:-$PWD/build/bench/peers}; mkdir -p "$BENCH_WORK"
export RESULTS_FILE=$BENCH_WORK/results.jsonl; : >"$RESULTS_FILE"
"$BENCH" --folder "$BENCH_WORK" --server "$SERVER" machine chain many models
for peer in "${@:-restate}"; do
  "$HERE/common/quiet.sh" 25 "${QUIET_S:-60}"
  "$HERE/$peer/run.sh" W1 W2h W3 W4 2>&1 | grep -a -v -E 'Killed|Deprecat|trace-warn|MaxListeners|trace-deprec'
done
"$HERE/report.py"
