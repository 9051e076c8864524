#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# GNU make -j2 on the same script DAGs (the near-limit: no state but the files). No fsync.
set -u
HERE=$(cd "$(dirname "$0")" && pwd); W=${BENCH_WORK:-./bench_work}; D=$W/make; mkdir -p "$D"; cd "$D"
export RESULTS_FILE=${RESULTS_FILE:-$HERE/../results/results.jsonl}
echo hello > in.txt
printf 'out.txt: mid.txt\n\t@cp $< $@\nmid.txt: in.txt\n\t@/bin/cat < $< > $@\n' > w6.mk
{ printf 'all:'; for i in $(seq 200); do printf ' t%d' $i; done; printf '\n.PHONY: all'; for i in $(seq 200); do printf ' t%d' $i; done; echo; for i in $(seq 200); do printf 't%d:\n\t@/bin/true\n' $i; done; } > w7.mk
{ printf 'all:'; for i in $(seq 200); do printf ' d/%d' $i; done; echo; for i in $(seq 200); do printf 'd/%d:\n\t@/bin/true && touch $@\n' $i; done; } > w7f.mk
{ echo 'all: c100'; for i in $(seq 100); do [ $i = 1 ] && echo 'c1:' || echo "c$i: c$((i-1))"; printf '\t@/bin/true\n'; done; echo '.PHONY: all'; } > chain.mk
{ printf 'join:'; for i in $(seq 1000); do printf ' f%d' $i; done; printf '\n\t@/bin/true\nroot:\n\t@/bin/true\n'; for i in $(seq 1000); do printf 'f%d: root\n\t@/bin/true\n' $i; done; } > fan.mk
python3 - <<'P'
import subprocess, time, os, json, statistics, shutil, datetime
def go(w, reps, mk, **note):
    t, cpu = [], []
    for i in range(reps):
        for p in ('mid.txt', 'out.txt'):
            if os.path.exists(p): os.unlink(p)
        shutil.rmtree('d', ignore_errors=True); os.mkdir('d')
        a = time.perf_counter(); c0 = os.times(); subprocess.run(['make', '-s', '-j2', '-f', mk], check=True, timeout=100); t.append(time.perf_counter() - a)
        c1 = os.times(); cpu.append(c1.children_user + c1.children_system - c0.children_user - c0.children_system)
    row = {'ts': datetime.datetime.utcnow().isoformat() + 'Z', 'peer': 'make -j2', 'workload': w, 'dur': 'none (files only, no fsync)', 'reps': reps, 'wall_s_median': round(statistics.median(t), 4), 'wall_s_min': round(min(t), 4), 'cpu_s_median': round(statistics.median(cpu), 3), 'load1': float(open('/proc/loadavg').read().split()[0]), **note}
    open(os.environ['RESULTS_FILE'], 'a').write(json.dumps(row) + '\n'); print(json.dumps(row), flush=True)
go('W6', 11, 'w6.mk', rules=2); go('W7', 11, 'w7.mk', nodes=200, note='direct exec, no shell'); go('W7', 11, 'w7f.mk', nodes=200, note='sh -c "/bin/true && touch"')
go('W1-script', 5, 'chain.mk', nodes=100); go('W3-script', 5, 'fan.mk', nodes=1002)
P
rm -rf d
