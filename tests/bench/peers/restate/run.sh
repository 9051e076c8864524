#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Restate: server (npm binary) + one Node worker + one Node driver, loopback only. Usage: run.sh [W1 W2 W3 W4 W5 ...]
# Bounded: every driver call has a timeout; only the PIDs started here are killed.
set -u
HERE=$(cd "$(dirname "$0")" && pwd); W=${BENCH_WORK:-./bench_work}; D=$W/restate; mkdir -p "$D"
export RESULTS_FILE=${RESULTS_FILE:-$HERE/../results/results.jsonl}; mkdir -p "$(dirname "$RESULTS_FILE")"
cp "$HERE/package.json" "$D/"; cp "$HERE"/*.mjs "$HERE"/../common/{lib.mjs,meter.py} "$D/"
[ -d "$D/node_modules" ] || (cd "$D" && npm install --no-audit --no-fund >install.log 2>&1) || { echo "npm install failed"; exit 1; }
[ -x "$W/mockllm" ] || g++ -O2 -std=c++20 -o "$W/mockllm" "$HERE/../common/mockllm.cpp" || exit 1
R=$D/node_modules/@restatedev/restate-server-linux-x64/bin/restate-server
cd "$D"; ulimit -n "$(ulimit -Hn)"; PIDS=()
stop() { for p in "${PIDS[@]}" $(cat "$D/server.pid" 2>/dev/null); do kill -9 "$p" 2>/dev/null; done; PIDS=(); rm -f "$D/server.pid"; sleep 0.3; }
trap stop EXIT
# PROFILE=default: as shipped. PROFILE=tuned: 4 partitions, 20000 concurrent invocations.
PROFILE=${PROFILE:-default}
cat > server.toml <<T
cluster-name = "bench"
node-name = "n1"
base-dir = "$D/data"
disable-telemetry = true
log-filter = "${RLOG:-warn}"
log-disable-ansi-codes = true
listen-mode = "tcp"
bind-ip = "127.0.0.1"
advertised-host = "127.0.0.1"
bind-port = 15122
$( [ "$PROFILE" = tuned ] && echo 'default-num-partitions = 4' )
[ingress]
bind-port = 18080
[admin]
bind-port = 19070
$( [ "$PROFILE" = tuned ] && printf '[worker.invoker]\nconcurrent-invocations-limit = 20000\n' )
T
SERVER_CMD="[\"$R\",\"--config-file\",\"$D/server.toml\",\"--no-logo\"]"; export SERVER_CMD SERVER_LOG=$D/server.log PIDFILE=$D/server.pid
PEER=restate; [ "$PROFILE" = tuned ] && PEER=restate-tuned; export PEER
start() { # fresh data directory each time
  rm -rf "$D/data"; : >server.log; setsid "$R" --config-file "$D/server.toml" --no-logo >>server.log 2>&1 & SERVER_PID=$!; echo $SERVER_PID >server.pid
  env ${1:-A=1} PORT=19080 LLM_PORT=18099 node ${NODE_FLAGS:-} worker.mjs >worker.log 2>&1 & WORKER_PID=$!; PIDS+=($WORKER_PID)
  for i in $(seq 100); do curl -sf 127.0.0.1:19070/health >/dev/null && break; sleep 0.2; done
  for i in $(seq 50); do curl -sf -XPOST 127.0.0.1:19070/deployments -H 'content-type: application/json' -d '{"uri":"http://127.0.0.1:19080"}' >deploy.json && break; sleep 0.2; done
  sleep 1; export SERVER_PID WORKER_PID; }
for w in "${@:-W1}"; do case $w in
  W1) start; timeout 120 node driver.mjs W1 20; stop;;
  W2) start; for k in 500 2000; do timeout 200 node driver.mjs W2 2000 $k; done; stop;;
  W2x) start; timeout 200 node driver.mjs W2 ${2:-2000} ${3:-500}; stop; break;;
  W2h) start; timeout 200 node driver.mjs W2 2000 500; stop;;
  W2wf) start; timeout 200 node driver.mjs W2 2000 500 W; stop;;
  W3) start; timeout 120 node driver.mjs W3 5; stop;;
  W4) start; "$W/mockllm" 18099 1000 >/dev/null & MOCK_PID=$!; PIDS+=($MOCK_PID); export MOCK_PID; sleep 0.3
      for n in 500 5000; do timeout 200 node driver.mjs W4 $n; curl -s 127.0.0.1:18099/stats; echo; curl -s 127.0.0.1:18099/reset >/dev/null; done; stop; unset MOCK_PID;;
  W5) rm -f exec.log; start EXECLOG=$D/exec.log; EXECLOG_FILE=$D/exec.log timeout 280 node driver.mjs W5; stop;;
esac; done
