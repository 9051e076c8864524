#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# BullMQ flows + Debian redis-server (private instance, port 16379, appendfsync always). Usage: [FSYNC=always|everysec] run.sh [W1 W2 W3 W4 W5]
set -u
HERE=$(cd "$(dirname "$0")" && pwd); W=${BENCH_WORK:-./bench_work}; D=$W/bullmq; mkdir -p "$D"
export RESULTS_FILE=${RESULTS_FILE:-$HERE/../results/results.jsonl}
cp "$HERE/package.json" "$D/"; cp "$HERE"/*.mjs "$HERE"/../common/{lib.mjs,meter.py} "$D/"
[ -d "$D/node_modules" ] || (cd "$D" && npm install --no-audit --no-fund >install.log 2>&1) || { echo "npm install failed"; exit 1; }
[ -x "$W/mockllm" ] || g++ -O2 -std=c++20 -o "$W/mockllm" "$HERE/../common/mockllm.cpp" || exit 1
command -v redis-server >/dev/null || { echo "apt-get install redis-server"; exit 1; }
cd "$D"; ulimit -n "$(ulimit -Hn)"; PIDS=()
stop() { for p in "${PIDS[@]}" $(cat redis.pid 2>/dev/null); do kill -9 "$p" 2>/dev/null; done; PIDS=(); rm -f redis.pid; sleep 0.2; }; trap stop EXIT
FSYNC=${FSYNC:-always}; export DUR="redis appendonly yes, appendfsync $FSYNC"
RC=(redis-server --port 16379 --bind 127.0.0.1 --dir "$D/rd" --appendonly yes --appendfsync "$FSYNC" --save "" --daemonize no --protected-mode no)
export REDIS_CMD=$(printf '%s\n' "${RC[@]}" | python3 -c 'import sys,json;print(json.dumps(sys.stdin.read().split("\n")[:-1]))') PIDFILE=$D/redis.pid
start() { rm -rf rd; mkdir rd; "${RC[@]}" >redis.log 2>&1 & export REDIS_PID=$!; echo $REDIS_PID >redis.pid; for i in $(seq 50); do redis-cli -p 16379 ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done; }
for w in "${@:-W1}"; do start; case $w in
  W1) timeout 120 node worker.mjs W1;;
  W2) for k in 500 2000; do timeout 200 node worker.mjs W2 $k; done;;
  W2h) timeout 200 node worker.mjs W2 500;;
  W3) timeout 120 node worker.mjs W3;;
  W4) "$W/mockllm" 18099 1000 >/dev/null & MOCK_PID=$!; PIDS+=($MOCK_PID); export MOCK_PID LLM_PORT=18099; sleep 0.3
      for n in 500 5000; do CONC=$n timeout 200 node worker.mjs W4 $n; curl -s 127.0.0.1:18099/stats; echo; curl -s 127.0.0.1:18099/reset >/dev/null; done; unset MOCK_PID;;
  W5) rm -f exec.log; EXECLOG=$D/exec.log timeout 280 node worker.mjs W5;;
esac; stop; done
