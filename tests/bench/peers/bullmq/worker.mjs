// SPDX-License-Identifier: Apache-2.0
// BullMQ flows + Redis (appendfsync always). One Node process holds the Worker and the producer. node worker.mjs W1|W2|W3|W4|W5
// A chain is a nested flow: the last step is the root job and its child chain runs first; a result reaches the parent through Redis.
import { FlowProducer, Worker, Queue } from 'bullmq';
import { Meter, step, llmCall, pool, median, pct, record, sleep, checkExecLog, whenExecuted } from './lib.mjs';
import fs from 'node:fs'; import { spawn } from 'node:child_process';
const W = process.argv[2], conn = { host: '127.0.0.1', port: 16379, maxRetriesPerRequest: null, retryStrategy: () => 100 };
const DUR = process.env.DUR || 'redis appendonly yes, appendfsync always', PEER = 'bullmq', CONC = Number(process.env.CONC || 500);
const flows = new FlowProducer({ connection: conn }), Q = 'q', id = Date.now().toString(36), waiting = new Map();
const opt = { removeOnComplete: false };
const worker = new Worker(Q, async job => {
  const d = job.data;
  if (d.k === 'llm') return await llmCall(d.run, d.i);
  if (d.k === 'fanroot') { const root = step(d.run, 0, null); await flows.add({ name: 'join', queueName: Q, data: { k: 'join', run: d.run }, opts: { jobId: d.run + 'J' }, children: Array.from({ length: d.n }, (_, i) => ({ name: 'p', queueName: Q, data: { k: 'p', run: d.run, i: i + 1, root } })) }); return root; }
  if (d.k === 'p') return step(d.run, d.i, d.root);
  if (d.k === 'join') return JSON.stringify({ n: Object.keys(await job.getChildrenValues()).length });
  const kids = d.i ? Object.values(await job.getChildrenValues()) : [null];
  const prev = kids[0] && d.all ? kids[0] : null; const p = prev ? prev.r : kids[0];
  const r = step(d.run, d.i, p);
  return d.all ? { r, all: [...(prev ? prev.all : []), JSON.parse(r).nonce] } : r;
}, { connection: conn, concurrency: CONC, prefix: 'bull' });
worker.on('error', () => {}); flows.on('error', () => {});
worker.on('completed', (job, ret) => { const f = waiting.get(job.id); if (f) { waiting.delete(job.id); f(ret); } });
const tree = (run, n, k, all) => { let node = null; for (let i = 0; i < n; i++) node = { name: 's', queueName: Q, data: { k, run, i, ...(all ? { all: 1 } : {}) }, opts: { ...opt, jobId: `${run}-${i}` }, ...(node ? { children: [node] } : {}) }; return node; };
const runFlow = async (run, n, k, all) => { const last = `${run}-${n - 1}`; const p = new Promise(r => waiting.set(last, r)); await flows.add(tree(run, n, k, all)); return p; };
await worker.waitUntilReady();
const meter = new Meter({ worker: process.pid, redis: process.env.REDIS_PID, ...(process.env.MOCK_PID ? { x_mock: process.env.MOCK_PID } : {}) });
if (W === 'W1') {
  const wall = []; for (let i = 0; i < 3; i++) await runFlow(`${id}w${i}`, 100, 's'); await meter.begin();
  for (let i = 0; i < 20; i++) { const t = performance.now(); await runFlow(`${id}r${i}`, 100, 's'); wall.push(performance.now() - t); }
  record(PEER, 'W1', { dur: DUR, runs: 20, run_ms_median: +median(wall).toFixed(1), per_step_ms_from_run: +(median(wall) / 100).toFixed(3), ...(await meter.end()) });
} else if (W === 'W2') {
  const n = 2000, k = Number(process.argv[3] || 500), lats = []; await pool(20, 20, i => runFlow(`${id}w${i}`, 10, 's')); await meter.begin(); const t = performance.now();
  await pool(n, k, async i => { const t0 = performance.now(); await runFlow(`${id}r${i}`, 10, 's'); lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000, m = await meter.end();
  record(PEER, 'W2', { dur: DUR, runs: n, inflight: k, worker_concurrency: CONC, wall: +s.toFixed(2), steps_per_s: Math.round(n * 10 / s), run_ms_p50: +median(lats).toFixed(0), cpu_us_per_step: Math.round(m.engine_cpu_s * 1e6 / (n * 10)), ...m });
} else if (W === 'W3') {
  const walls = []; const q = new Queue(Q, { connection: conn }); await meter.begin();
  for (let i = 0; i < 5; i++) { const run = `${id}f${i}`; const p = new Promise(r => waiting.set(run + 'J', r)); const t = performance.now(); await q.add('root', { k: 'fanroot', run, n: 1000 }); const v = JSON.parse(await p); if (v.n !== 1000) throw Error('bad fan'); walls.push(performance.now() - t); }
  record(PEER, 'W3', { dur: DUR, reps: 5, wall_ms_median: +median(walls).toFixed(0), walls: walls.map(x => Math.round(x)), ...(await meter.end()) });
} else if (W === 'W4') {
  const n = Number(process.argv[3] || 500), lats = []; await meter.begin(); const t = performance.now();
  await pool(n, n, async i => { const t0 = performance.now(); await runFlow(`${id}l${i}`, 3, 'llm'); lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000, m = await meter.end();
  record(PEER, 'W4', { dur: DUR, runs: n, worker_concurrency: CONC, wall: +s.toFixed(2), ideal: 3, run_s_p50: +(median(lats) / 1000).toFixed(2), run_s_p99: +(pct(lats, .99) / 1000).toFixed(2), ...m });
} else if (W === 'W5') { // kill -9 of redis-server at 12,500 executions; the worker stays up
  const finals = new Map(), n = 2000, k = 500; let down = 0, first = 0, execAtKill = 0, atKill = 0; const cmd = JSON.parse(process.env.REDIS_CMD); const t0 = performance.now();
  whenExecuted(process.env.EXECLOG, 12500, async x => { execAtKill = x; atKill = finals.size; const old = Number(process.env.REDIS_PID); process.kill(old, 'SIGKILL'); down = performance.now();
    for (let i = 0; i < 400; i++) { try { process.kill(old, 0); await sleep(5); } catch { break; } }
    const c = spawn(cmd[0], cmd.slice(1), { stdio: 'ignore', detached: true }); c.unref(); fs.writeFileSync(process.env.PIDFILE, String(c.pid)); });
  const q = new Queue(Q, { connection: conn }); q.on('error', () => {});
  await pool(n, k, async i => { const r = `${id}r${i}`, last = `${r}-9`; let v; const p = new Promise(x => waiting.set(last, x));
    (async () => { for (let a = 0; a < 100; a++) { try { await flows.add(tree(r, 10, 's', 1)); return; } catch { await sleep(100); } } })();
    const poll = (async () => { for (let a = 0; a < 120; a++) { await sleep(2000); if (finals.has(r)) return; try { const j = await q.getJob(last); if (j?.finishedOn) return j.returnvalue; } catch { } } })();
    v = await Promise.race([p, poll]); finals.set(r, v.all); if (down && !first && performance.now() - down > 100) first = performance.now(); });
  const t1 = performance.now();
  record(PEER, 'W5', { dur: DUR + '; kill -9 of redis-server, the worker stays up', runs: n, inflight: k, done_at_kill: atKill, execs_at_kill: execAtKill, kill_at_s: +((down - t0) / 1000).toFixed(2), first_new_result_after_kill_s: +((first - down) / 1000).toFixed(2), all_done_after_kill_s: +((t1 - down) / 1000).toFixed(2), ...checkExecLog(process.env.EXECLOG, finals), load1: Number(fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0]) });
}
meter.quit(); process.exit(0);
