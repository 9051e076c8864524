#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Raw limits of this machine: fdatasync IOPS (fio), RocksDB WriteBatch sync, posix_spawn. Prints JSON lines, appends them to results.
set -u
HERE=$(cd "$(dirname "$0")" && pwd); W=${BENCH_WORK:-./bench_work}; D=$W/raw; mkdir -p "$D"; cd "$D"
export RESULTS_FILE=${RESULTS_FILE:-$HERE/../results/results.jsonl}
out() { while read -r l; do l="{\"ts\":\"$(date -u +%FT%TZ)\",\"peer\":\"raw\",\"load1\":$(cut -d' ' -f1 /proc/loadavg),${l#\{}"; echo "$l" >>"$RESULTS_FILE"; echo "$l"; done; }
g++ -O2 -std=c++20 -o spawn "$HERE/spawn.cpp" && ./spawn 2000 | out
for bs in 512 4k 64k; do fio --name=s --filename="$D/fio.bin" --size=64m --rw=write --bs=$bs --fdatasync=1 --runtime=4 --time_based --ioengine=sync --output-format=json >fio.json 2>/dev/null && python3 -c "
import json;j=json.load(open('fio.json'))['jobs'][0];s=j['sync']['lat_ns']
print(json.dumps({'bench':'fio append-style write+fdatasync','bs':'$bs','iops':round(j['write']['iops']),'sync_us_mean':round(s['mean']/1e3),'sync_us_p50':round(s['percentile']['50.000000']/1e3),'sync_us_p99':round(s['percentile']['99.000000']/1e3)}))" | out; done
rm -f fio.bin
if g++ -O2 -std=c++20 -o rdb "$HERE/rdb.cpp" -lrocksdb -lpthread 2>rdb.err; then timeout 100 ./rdb "$D/db" 2 | out; else tail -3 rdb.err; fi
