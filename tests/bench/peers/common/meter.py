#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Process-tree CPU/memory meter. Usage: meter.py role=pid [role=pid ...]
Reads commands on stdin: 'begin', 'end', 'quit'. On 'end' prints one JSON line:
 cpu_s per role (user+system of the whole tree, reaped children included), peak_pss_mb (sum over all
 roles except those whose name starts with 'x_', sampled every 100 ms), peak_rss_mb per role, other_cpu_pct: CPU used by
 everything else on the machine as % of one core, load1 at begin and end, wall_s.
Roles named x_* (driver, mock) are metered but kept out of the engine totals."""
import sys, os, time, json, threading
HZ = os.sysconf('SC_CLK_TCK')
roles = {}
for a in sys.argv[1:]:
    r, p = a.split('=')
    roles.setdefault(r, []).append(int(p))

def snap():
    st = {}
    kids = {}
    for d in os.listdir('/proc'):
        if not d.isdigit(): continue
        try:
            s = open('/proc/%s/stat' % d).read()
        except OSError:
            continue
        f = s[s.rindex(')') + 2:].split()
        pid = int(d)
        st[pid] = (int(f[11]) + int(f[12]), int(f[13]) + int(f[14]))
        kids.setdefault(int(f[1]), []).append(pid)
    return st, kids

def tree(roots, kids, excl):
    out, todo = [], list(roots)
    seen = set()
    while todo:
        p = todo.pop()
        if p in seen or (p in excl and p not in roots): continue
        seen.add(p); out.append(p)
        todo += kids.get(p, [])
    return out

ALL = set(p for ps in roles.values() for p in ps) | {os.getpid()}

def cpu():
    st, kids = snap()
    r = {}
    for role, ps in roles.items():
        t = tree(ps, kids, ALL)
        r[role] = sum(sum(st[p]) for p in t if p in st) / HZ
    return r

def busy():
    f = open('/proc/stat').readline().split()[1:]
    v = list(map(int, f))
    return (sum(v[:8]) - v[3] - v[4]) / HZ

def mem():
    st, kids = snap()
    tot = {}
    for role, ps in roles.items():
        rss = pss = 0
        for p in tree(ps, kids, ALL):
            try:
                for line in open('/proc/%d/smaps_rollup' % p):
                    if line.startswith('Rss:'): rss += int(line.split()[1])
                    elif line.startswith('Pss:'): pss += int(line.split()[1])
            except OSError:
                pass
        tot[role] = (rss / 1024, pss / 1024)
    return tot

run = threading.Event(); state = {}
def sampler():
    while True:
        run.wait()
        m = mem()
        for role, (rss, pss) in m.items():
            state['rss'][role] = max(state['rss'].get(role, 0), rss)
            state['pss'][role] = max(state['pss'].get(role, 0), pss)
        state['tot'] = max(state['tot'], sum(p for r, (_, p) in m.items() if not r.startswith('x_')))
        time.sleep(0.1)
threading.Thread(target=sampler, daemon=True).start()
def flushes():
    """flush (cache barrier) requests finished on all disks: an fsync/fdatasync that reaches the device is one (merges possible)"""
    n = 0
    for line in open('/proc/diskstats'):
        f = line.split()
        if len(f) > 18 and not f[2][-1:].isdigit(): n += int(f[18])
    return n
load1 = lambda: float(open('/proc/loadavg').read().split()[0])
for line in sys.stdin:
    c = line.strip()
    if c == 'begin':
        state = {'rss': {}, 'pss': {}, 'tot': 0.0}
        c0, b0, t0, l0 = cpu(), busy(), time.monotonic(), load1()
        me0 = time.process_time(); f0 = flushes(); run.set(); print('ok', flush=True)
    elif c == 'end':
        t1 = time.monotonic(); c1, b1 = cpu(), busy(); run.clear(); me1 = time.process_time()
        d = {r: round(c1[r] - c0.get(r, 0), 2) for r in c1}
        ours = sum(d.values()) + (me1 - me0)
        print(json.dumps({'wall_s': round(t1 - t0, 3), 'cpu_s': d,
              'disk_flushes': flushes() - f0, 'engine_cpu_s': round(sum(v for r, v in d.items() if not r.startswith('x_')), 2),
              'peak_pss_mb': round(state['tot'], 1), 'peak_rss_mb': {r: round(v, 1) for r, v in state['rss'].items()},
              'other_cpu_pct': round(100 * max(0, b1 - b0 - ours) / max(t1 - t0, 1e-6), 1), 'load1': [l0, load1()]}), flush=True)
    elif c.startswith('role '):   # role name=pid : replace (after a restart)
        r, p = c[5:].split('='); roles[r] = [int(p)]; ALL.add(int(p)); print('ok', flush=True)
    elif c == 'quit':
        break
