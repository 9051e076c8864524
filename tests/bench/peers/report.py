#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Result tables (markdown) from results/results.jsonl. Headline = median (min-max) of the CLEAN repeats: the rest of the machine
used < 35 % of one core while they ran (other_cpu_pct); a row without a clean repeat shows all repeats and is marked *.
The next-to-last column is the main figure's median over ALL valid repeats, so the filter's effect can be seen.
Rows without that meter (W5, W6, W7, make, snakemake) are never called clean: 'unmetered'. report.py [SINCE_ISO_TS]"""
import json, sys, statistics as st, os
since = sys.argv[1] if len(sys.argv) > 1 else ''
R = []
for l in open(os.environ.get('RESULTS_FILE', 'results.jsonl')):
    try: r = json.loads(l)
    except ValueError: continue
    if r['ts'] >= since: R.append(r)
NAME = {'restate': 'Restate 1.7.12 (default: 24 partitions)', 'restate-tuned': 'Restate, 4 partitions, 20k invocations', 'dbos': 'DBOS 5.3.0 + PostgreSQL 15', 'dbos-pool50': 'DBOS, pool 50', 'dbos-pool20': 'DBOS, pool 20', 'bullmq': 'BullMQ 6.7.0 + Redis 7.0', 'vercel-workflow': 'Vercel Workflow 4.8.9 world-local', 'hillstar': 'Hillstar 1.1.0 (Python)', 'langgraph': 'LangGraph JS 1.7.3 + SQLite', 'snakemake': 'Snakemake 7.21', 'make -j2': 'GNU make -j2'}
def var(r):
    d = r.get('dur', '')
    if r['peer'] == 'langgraph': return ' synchronous=FULL' if 'FULL' in d else ' synchronous=NORMAL'
    if r['peer'] == 'hillstar' and r['workload'] not in ('W6', 'W7'): return ' no checkpoints' if d.startswith('no ') else ' checkpoint every node'
    return ''
FS = lambda r: 'yes' if r['peer'] in ('restate', 'restate-tuned', 'dbos', 'dbos-pool20', 'dbos-pool50', 'bullmq') or 'FULL' in r.get('dur', '') else 'no'
def pick(w, **f):
    g = {}
    for r in R:
        if r['workload' if 'workload' in r else 'bench'] == w and all(r.get(k) == v for k, v in f.items()): g.setdefault((r['peer'], var(r), r.get('note', '') if w in ('W4', 'W7', 'W2') else ''), []).append(r)
    for k, rs in g.items():
        metered = any('other_cpu_pct' in r for r in rs)
        cl = [r for r in rs if r.get('other_cpu_pct', 999) < 35]
        yield k, rs[0], (cl or rs), ('' if cl or not metered else '*'), (len(cl) if metered else None), rs
def md(rs, f, d=0):
    v = [f(r) for r in rs if f(r) is not None]
    if not v: return '-'
    m = st.median(v); s = f'{m:,.{d}f}'
    return s if len(v) == 1 else f'{s} ({min(v):,.{d}f}–{max(v):,.{d}f})'
def table(title, head, rows):
    print(f'\n### {title}\n| peer | fsync | ' + ' | '.join(head) + ' | all repeats | clean/all |\n|' + '---|' * (len(head) + 4))
    for n, fs, cells, c in sorted(rows, key=lambda x: x[3][1]): print(f'| {n} | {fs} | ' + ' | '.join(cells) + f' | {c[2]} | {c[0]} |')
def rows(w, cells, order, **f):
    out = []
    for (p, v, note), r0, rs, star, nc, na in pick(w, **f):
        o = [order(r) for r in rs if order(r) is not None]; a = [abs(order(r)) for r in na if order(r) is not None]
        out.append((NAME.get(p, p) + v + (f' — {note}' if note else '') + star, FS(r0), cells(rs), (f'{nc}/{len(na)}' if nc is not None else f'unmetered/{len(na)}', st.median(o) if o else 9e9, f'{st.median(a):,.4g}' if max(a) < 1000 else f'{st.median(a):,.0f}')))
    return out
cpu = lambda r: r.get('engine_cpu_s')
table('W1 chain of 100, one run at a time', ['ms per step (run wall / 100)', 'CPU µs per step', 'peak PSS MB'], rows('W1', lambda rs: [md(rs, lambda r: r['per_step_ms_from_run'], 2), md(rs, lambda r: cpu(r) * 1e6 / (100 * r['runs'])), md(rs, lambda r: r['peak_pss_mb'])], lambda r: r['per_step_ms_from_run']))
for k in (500, 2000, 1, 8, 100):
    x = rows('W2', lambda rs: [md(rs, lambda r: r['steps_per_s']), md(rs, lambda r: r['cpu_us_per_step']), md(rs, cpu, 1), md(rs, lambda r: r['run_ms_p50'] if 'run_ms_p50' in r else None), md(rs, lambda r: r['peak_pss_mb'])], lambda r: -r['steps_per_s'], inflight=k)
    if x: table(f'W2 2,000 runs x 10 steps, {k} in flight' if k in (500, 2000) else f'W2, smaller: {k} in flight', ['durable steps/s', 'CPU µs per step', 'CPU s', 'run p50 ms', 'peak PSS MB'], x)
table('W3 1 → 1,000 → 1', ['wall ms', 'peak PSS MB'], rows('W3', lambda rs: [md(rs, lambda r: r['wall_ms_median']), md(rs, lambda r: r['peak_pss_mb'])], lambda r: r['wall_ms_median']))
for n in (50, 500, 5000):
    x = rows('W4', lambda rs: [md(rs, lambda r: r['wall'], 2), md(rs, cpu, 1), md(rs, lambda r: r.get('run_s_p50'), 2), md(rs, lambda r: r['peak_pss_mb'])], lambda r: r['wall'], runs=n)
    if x: table(f'W4 {n} runs x 3 LLM calls of 1 s (ideal 3.00 s)', ['wall s', 'CPU s', 'run p50 s', 'peak PSS MB'], x)
table('W5 kill -9 at 12,500 of 20,000 executions, immediate restart', ['s to all 2,000 done', 's to first new result', 'executed twice (in flight)', 'twice after ack', 'acked results lost', 'runs done'], rows('W5', lambda rs: [md(rs, lambda r: r.get('all_done_after_kill_s', r.get('done_after_kill_s')), 1), md(rs, lambda r: r.get('first_new_result_after_kill_s'), 1), md(rs, lambda r: r['reexec']), md(rs, lambda r: r.get('reexecAfterAck')), md(rs, lambda r: r.get('lostAcked')), md(rs, lambda r: r.get('runsDone'))], lambda r: r.get('all_done_after_kill_s', r.get('done_after_kill_s'))))
ms = lambda r: r['wall_ms_median'] if 'wall_ms_median' in r else r['wall_s_median'] * 1e3
table('W6 cold start: read → /bin/cat → write, process start to exit', ['wall ms'], rows('W6', lambda rs: [md(rs, ms)], ms))
table('W7 200 independent /bin/true', ['wall ms', 'CPU ms'], rows('W7', lambda rs: [md(rs, ms), md(rs, lambda r: r['cpu_s_median'] * 1e3)], ms))
for w in ('W1-script', 'W3-script'): table(w + (' chain of 100 /bin/true' if w[1] == '1' else ' 1 → 1,000 → 1 of /bin/true'), ['wall ms', 'CPU ms'], rows(w, lambda rs: [md(rs, ms), md(rs, lambda r: r['cpu_s_median'] * 1e3)], ms))
print('\n### Raw limits (same disk, all repeats)\n| what | median (min–max) |\n|---|---|')
g = {}
for r in R:
    if r['peer'] == 'raw': g.setdefault(r['bench'] + ' ' + ' '.join(f'{k}={r[k]}' for k in ('bs', 'writers', 'batch', 'sync', 'in_flight') if k in r), []).append(r)
for k, rs in g.items():
    f = 'iops' if 'iops' in rs[0] else 'values_per_s' if 'values_per_s' in rs[0] else 'per_s'
    x = md(rs, lambda r: r[f]) + {'iops': ' /s', 'values_per_s': ' values/s', 'per_s': ' /s'}[f]
    if 'sync_us_p50' in rs[0]: x += '; sync p50 ' + md(rs, lambda r: r['sync_us_p50']) + ' µs, p99 ' + md(rs, lambda r: r['sync_us_p99']) + ' µs'
    if 'cpu_us_each' in rs[0]: x += '; CPU ' + md(rs, lambda r: r['cpu_us_each']) + ' µs each'
    print(f'| {k} | {x}, n={len(rs)} |')
