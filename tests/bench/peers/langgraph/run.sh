#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# LangGraph JS + SQLite checkpointer, one process. Usage: [SYNC=FULL|NORMAL] [DURABILITY=sync|async|exit] run.sh [W1 W2 W3 W4 W5]
set -u
HERE=$(cd "$(dirname "$0")" && pwd); W=${BENCH_WORK:-./bench_work}; D=$W/langgraph; mkdir -p "$D"
export RESULTS_FILE=${RESULTS_FILE:-$HERE/../results/results.jsonl}
cp "$HERE/package.json" "$D/"; cp "$HERE"/*.mjs "$HERE"/../common/{lib.mjs,w5lib.mjs,meter.py} "$D/"
[ -d "$D/node_modules" ] || (cd "$D" && npm install --no-audit --no-fund >install.log 2>&1; npm install-scripts approve better-sqlite3 >>install.log 2>&1; npm rebuild better-sqlite3 >>install.log 2>&1)
[ -x "$W/mockllm" ] || g++ -O2 -std=c++20 -o "$W/mockllm" "$HERE/../common/mockllm.cpp" || exit 1
cd "$D"; ulimit -n "$(ulimit -Hn)"; PIDS=(); stop() { for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null; done; PIDS=(); }; trap stop EXIT
fresh() { rm -f bench.db bench.db-*; export DB=$D/bench.db; }
for w in "${@:-W1}"; do case $w in
  W1) fresh; timeout 120 node worker.mjs W1 20;;
  W2) for k in 500 2000; do fresh; timeout 280 node worker.mjs W2 2000 $k; done;;
  W2h) fresh; timeout 280 node worker.mjs W2 2000 500;;
  W3) fresh; timeout 120 node worker.mjs W3 5;;
  W4) "$W/mockllm" 18099 1000 >/dev/null & MOCK_PID=$!; PIDS+=($MOCK_PID); export MOCK_PID LLM_PORT=18099; sleep 0.3
      for n in 500 5000; do fresh; timeout 200 node worker.mjs W4 $n; curl -s 127.0.0.1:18099/stats; echo; curl -s 127.0.0.1:18099/reset >/dev/null; done; stop; unset MOCK_PID;;
  W5) fresh; rm -f exec.log done.log; DONELOG=$D/done.log EXECLOG=$D/exec.log timeout 290 node w5lib.mjs langgraph "sqlite WAL synchronous=${SYNC:-FULL}, durability=${DURABILITY:-sync}" node worker.mjs W5run;;
esac; done; rm -f bench.db bench.db-*
