// SPDX-License-Identifier: Apache-2.0
// node driver.mjs W1|W2|W3|W4|W5 [args]; env SERVER_PID WORKER_PID; the server's ingress is on 18080.
import http from 'node:http';
import fs from 'node:fs';
import { spawn } from 'node:child_process';
import { Meter, post, pool, median, pct, record, sleep, checkExecLog, whenExecuted } from './lib.mjs';
const ING = 18080, W = process.argv[2], PEER = process.env.PEER || 'restate';
const DUR = process.env.DUR || 'log-server WAL fsync on (default)';
const meter = new Meter({ server: process.env.SERVER_PID, worker: process.env.WORKER_PID, x_driver: process.pid, ...(process.env.MOCK_PID ? { x_mock: process.env.MOCK_PID } : {}) });
const agent = n => new http.Agent({ keepAlive: true, maxSockets: n, maxFreeSockets: n });
const id = Date.now().toString(36);
if (W === 'W1') {
  const a = agent(1); const runs = Number(process.argv[3] || 20);
  for (let i = 0; i < 5; i++) await post(a, ING, '/S/lat', { run: `${id}w${i}`, n: 100 });
  await meter.begin(); const per = [], wall = [];
  for (let i = 0; i < runs; i++) { const t = performance.now(); const l = JSON.parse(await post(a, ING, '/S/lat', { run: `${id}r${i}`, n: 100 })); wall.push(performance.now() - t); per.push(...l); }
  const m = await meter.end();
  record(PEER, 'W1', { dur: DUR, runs, step_ms_median: +median(per).toFixed(3), step_ms_p99: +pct(per, .99).toFixed(3), run_ms_median: +median(wall).toFixed(1), per_step_ms_from_run: +(median(wall) / 100).toFixed(3), ...m });
} else if (W === 'W2') {
  const n = Number(process.argv[3] || 2000), k = Number(process.argv[4] || 500), kind = process.argv[5] || 'S'; const a = agent(k);
  await pool(50, 50, i => post(a, ING, kind === 'W' ? `/W/${id}w${i}/run` : '/S/chain', { run: `${id}w${i}`, n: 10 }));
  await meter.begin(); const t = performance.now(); let steps = 0; const lats = [];
  await pool(n, k, async i => { const r = `${id}r${i}`; const t0 = performance.now(); const x = JSON.parse(await post(a, ING, kind === 'W' ? `/W/${r}/run` : '/S/chain', { run: r, n: 10 })); steps += x.length; lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000; const m = await meter.end();
  record(PEER, 'W2', { dur: DUR, kind, runs: n, inflight: k, wall: +s.toFixed(2), steps_per_s: Math.round(steps / s), run_ms_p50: +median(lats).toFixed(0), cpu_us_per_step: Math.round(m.engine_cpu_s * 1e6 / steps), ...m });
} else if (W === 'W3') {
  const a = agent(1); const walls = []; const reps = Number(process.argv[3] || 5);
  await post(a, ING, '/S/fan', { run: `${id}w`, n: 100 }); await meter.begin();
  for (let i = 0; i < reps; i++) { const t = performance.now(); const r = JSON.parse(JSON.parse(await post(a, ING, '/S/fan', { run: `${id}f${i}`, n: 1000 }))); if (r.n !== 1000) throw Error('bad fan'); walls.push(performance.now() - t); }
  record(PEER, 'W3', { dur: DUR, reps, wall_ms_median: +median(walls).toFixed(0), walls: walls.map(x => Math.round(x)), ...(await meter.end()) });
} else if (W === 'W4') {
  const n = Number(process.argv[3] || 500); const a = agent(n);
  await pool(20, 20, i => post(a, ING, '/S/chain', { run: `${id}w${i}`, n: 2 }));
  await meter.begin(); const t = performance.now(); const lats = [];
  await pool(n, n, async i => { const t0 = performance.now(); await post(a, ING, '/S/llm', { run: `${id}l${i}`, n: 3 }); lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000; const m = await meter.end();
  record(PEER, 'W4', { dur: DUR, runs: n, wall: +s.toFixed(2), ideal: 3, run_s_p50: +(median(lats) / 1000).toFixed(2), run_s_p99: +(pct(lats, .99) / 1000).toFixed(2), ...m });
} else if (W === 'W5') {
  // kill -9 of restate-server once 12,500 of the 20,000 step executions have happened; SERVER_CMD (JSON argv) restarts it at once.
  const n = 2000, k = 500; const finals = new Map(); let down = 0, up = 0, ready = 0, errs = 0, atKill = 0, execAtKill = 0, restarted = null, gone = 0, starts = 0, stopping = false;
  const cmd = JSON.parse(process.env.SERVER_CMD); const a = agent(k); const t0 = performance.now(); const deadline = t0 + 240e3;
  whenExecuted(process.env.EXECLOG_FILE, 12500, async x => { execAtKill = x; atKill = finals.size; process.kill(Number(process.env.SERVER_PID), 'SIGKILL'); down = performance.now();
    const old = Number(process.env.SERVER_PID); for (let i = 0; i < 500; i++) { try { process.kill(old, 0); await sleep(5); } catch { break; } }
    gone = performance.now(); const out = fs.openSync(process.env.SERVER_LOG, 'a');
    const up1 = () => { starts++; restarted = spawn(cmd[0], cmd.slice(1), { stdio: ['ignore', out, out], detached: true }); fs.writeFileSync(process.env.PIDFILE, String(restarted.pid)); restarted.on('exit', () => { if (!stopping && performance.now() < deadline) setTimeout(up1, 200); }); restarted.unref(); }; up1();
    while (!ready && performance.now() < deadline) { try { const r = await fetch('http://127.0.0.1:18080/restate/health'); if (r.ok) ready = performance.now(); } catch { } await sleep(20); } });
  await pool(n, k, async i => { const r = `${id}r${i}`;
    for (;;) { if (performance.now() > deadline) throw Error('deadline');
      try { const x = JSON.parse(await post(a, ING, '/S/chain', { run: r, n: 10 }, { 'idempotency-key': r })); finals.set(r, x); if (gone && !up && performance.now() - gone > 50) up = performance.now(); break; } catch (e) { errs++; await sleep(50); } } });
  const t1 = performance.now();
  stopping = true; record(PEER, 'W5', { server_starts: starts, old_process_gone_s: +((gone - down) / 1000).toFixed(2), dur: DUR + '; kill -9 of restate-server, the worker stays up', runs: n, inflight: k, done_at_kill: atKill, execs_at_kill: execAtKill, kill_at_s: +((down - t0) / 1000).toFixed(2), ingress_healthy_after_kill_s: +((ready - down) / 1000).toFixed(2), first_new_result_after_kill_s: +((up - down) / 1000).toFixed(2), all_done_after_kill_s: +((t1 - down) / 1000).toFixed(2), client_retries: errs, ...checkExecLog(process.env.EXECLOG_FILE, finals), load1: Number(fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0]) });
}
meter.quit(); process.exit(0);
