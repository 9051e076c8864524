#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DBOS Transact (TypeScript) + Debian PostgreSQL (private cluster under $BENCH_WORK, port 15432, default durability).
# Usage: [POOL=n] run.sh [W1 W2 W3 W4 W5]   (POOL: systemDatabasePoolSize; unset = DBOS default)
set -u
HERE=$(cd "$(dirname "$0")" && pwd); W=${BENCH_WORK:-./bench_work}; D=$W/dbos; mkdir -p "$D"
export RESULTS_FILE=${RESULTS_FILE:-$HERE/../results/results.jsonl}
cp "$HERE/package.json" "$D/"; cp "$HERE"/*.mjs "$HERE"/../common/{lib.mjs,w5lib.mjs,meter.py} "$D/"
[ -d "$D/node_modules" ] || (cd "$D" && npm install --no-audit --no-fund >install.log 2>&1) || { echo "npm install failed"; exit 1; }
[ -x "$W/mockllm" ] || g++ -O2 -std=c++20 -o "$W/mockllm" "$HERE/../common/mockllm.cpp" || exit 1
PGBIN=$(ls -d /usr/lib/postgresql/*/bin | tail -1) || exit 1; PGD=$W/pgdata
cd "$D"; ulimit -n "$(ulimit -Hn)"; PIDS=(); PG_PID=
stop() { for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null; done; PIDS=(); [ -n "$PG_PID" ] && { kill -INT $PG_PID 2>/dev/null; for i in $(seq 50); do kill -0 $PG_PID 2>/dev/null || break; sleep 0.1; done; }; PG_PID=; }
trap stop EXIT
pgstart() { rm -rf "$PGD"; mkdir -p "$PGD"; chown postgres "$PGD"; chmod 755 "$W"
  setpriv --reuid=postgres --regid=postgres --clear-groups env -i PATH=/usr/bin:/bin LC_ALL=C "$PGBIN/initdb" -D "$PGD" -A trust -E UTF8 >initdb.log 2>&1 || { cat initdb.log; exit 1; }
  (cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups env -i PATH=/usr/bin:/bin LC_ALL=C "$PGBIN/postgres" -D "$PGD" -p 15432 -c listen_addresses=127.0.0.1 -c unix_socket_directories= ) >pg.log 2>&1 & PG_PID=$!; export PG_PID PGPORT=15432
  for i in $(seq 50); do "$PGBIN/pg_isready" -q -h 127.0.0.1 -p 15432 && break; sleep 0.1; done; }
for w in "${@:-W1}"; do pgstart; case $w in
  W1) timeout 120 node worker.mjs W1 20;;
  W2) for k in 500 2000; do timeout 280 node worker.mjs W2 2000 $k; done;;
  W2h) timeout 280 node worker.mjs W2 2000 500;;
  W3) timeout 120 node worker.mjs W3 5;;
  W4) "$W/mockllm" 18099 1000 >/dev/null & MOCK_PID=$!; PIDS+=($MOCK_PID); export MOCK_PID LLM_PORT=18099; sleep 0.3
      for n in 500 5000; do timeout 280 node worker.mjs W4 $n; curl -s 127.0.0.1:18099/stats; echo; curl -s 127.0.0.1:18099/reset >/dev/null; done; unset MOCK_PID;;
  W5) rm -f exec.log done.log; DONELOG=$D/done.log EXECLOG=$D/exec.log timeout 290 node w5lib.mjs dbos "PostgreSQL fsync=on synchronous_commit=on; kill -9 of the DBOS process" node worker.mjs W5run;;
esac; stop; done
