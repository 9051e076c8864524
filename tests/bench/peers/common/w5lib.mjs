// SPDX-License-Identifier: Apache-2.0
// W5 for library engines: node w5lib.mjs PEER "durability text" cmd args... ; env EXECLOG, DONELOG. The worker appends
// "done <run> <n1,n2,..>" and "ALLDONE" to DONELOG. kill -9 of the engine process once 12,500 of the 20,000 step executions
// have happened, then an immediate restart.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { checkExecLog, record, whenExecuted, follow } from './lib.mjs';
const [peer, dur, ...cmd] = process.argv.slice(2); const finals = new Map(); let changed = 0, child, fresh = 0, all = 0, tk = 0, first = 0, atKill = 0, execAtKill = 0;
const hard = setTimeout(() => { console.log('W5 deadline'); child?.kill('SIGKILL'); process.exit(1); }, 270e3);
const stop = follow(process.env.DONELOG, l => { if (l === 'ALLDONE') { all = performance.now(); return; } const [d, r, v] = l.split(' '); if (d !== 'done') return;
  const prev = finals.get(r); if (prev) { if (prev.join() !== v) changed++; } else if (tk && fresh && !first) first = performance.now(); finals.set(r, v.split(',')); });
const go = () => new Promise(res => { child = spawn(cmd[0], cmd.slice(1), { stdio: ['ignore', 'inherit', 'inherit'], env: process.env }); child.on('close', res); });
const t0 = performance.now();
whenExecuted(process.env.EXECLOG, 12500, n => { tk = performance.now(); atKill = finals.size; execAtKill = n; process.kill(child.pid, 'SIGKILL'); });
await go(); if (!tk) { console.log('finished before the kill'); process.exit(1); }
await new Promise(r => setTimeout(r, 10)); fresh = 1; await go(); stop();
record(peer, 'W5', { dur, runs: 2000, inflight: 500, done_at_kill: atKill, execs_at_kill: execAtKill, kill_at_s: +((tk - t0) / 1000).toFixed(2), first_new_result_after_kill_s: +((first - tk) / 1000).toFixed(2), all_done_after_kill_s: +((all - tk) / 1000).toFixed(2), finals_changed: changed, ...checkExecLog(process.env.EXECLOG, finals), load1: Number(fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0]) });
clearTimeout(hard); process.exit(0);
