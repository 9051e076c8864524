// SPDX-License-Identifier: Apache-2.0
// DBOS Transact TS + PostgreSQL. Library engine in one Node process. node worker.mjs W1|W2|W3|W4|W5run ...
import { DBOS } from '@dbos-inc/dbos-sdk';
import { Meter, step, llmCall, pool, median, pct, record, done } from './lib.mjs';
const W = process.argv[2], PGPORT = process.env.PGPORT || 15432, POOL = Number(process.env.POOL || 0);
const DUR = process.env.DUR || 'PostgreSQL defaults: fsync=on synchronous_commit=on';
DBOS.setConfig({ name: 'bench', systemDatabaseUrl: `postgresql://postgres@127.0.0.1:${PGPORT}/dbos_sys`, logLevel: 'error', runAdminServer: false, ...(POOL ? { systemDatabasePoolSize: POOL } : {}), applicationVersion: 'v1', executorID: 'local' });
const chain = DBOS.registerWorkflow(async (run, n) => {
  let prev = null; const all = [];
  for (let i = 0; i < n; i++) { const p = prev; prev = await DBOS.runStep(async () => step(run, i, p), { name: `s${i}` }); all.push(JSON.parse(prev).nonce); }
  return all;
}, { name: 'chain' });
const lat = DBOS.registerWorkflow(async (run, n) => {
  let prev = null; const t = [];
  for (let i = 0; i < n; i++) { const a = performance.now(); const p = prev; prev = await DBOS.runStep(async () => step(run, i, p), { name: `s${i}` }); t.push(performance.now() - a); }
  return t;
}, { name: 'lat' });
const fan = DBOS.registerWorkflow(async (run, n) => {
  const root = await DBOS.runStep(async () => step(run, 0, null), { name: 'root' });
  const rs = await Promise.allSettled(Array.from({ length: n }, (_, i) => DBOS.runStep(async () => step(run, i + 1, root), { name: `p${i}` })));
  return await DBOS.runStep(async () => JSON.stringify({ n: rs.filter(r => r.status === 'fulfilled').length }), { name: 'join' });
}, { name: 'fan' });
const llm = DBOS.registerWorkflow(async (run, n) => {
  let out = ''; for (let i = 0; i < n; i++) out = await DBOS.runStep(() => llmCall(run, i), { name: `l${i}` }); return out.length;
}, { name: 'llm' });
const tl = performance.now(); await DBOS.launch();
const id = Date.now().toString(36), PEER = POOL ? `dbos-pool${POOL}` : 'dbos';
const run = async (wf, wid, ...a) => (await DBOS.startWorkflow(wf, { workflowID: wid })(...a)).getResult();
if (W === 'W5run') { // launch() above already re-submits PENDING workflows of this executor; startWorkflow with a known ID attaches
  await pool(2000, 500, async i => { const r = `r${i}`; const v = await run(chain, r, r, 10); done(`done ${r} ${v.join(',')}`); });
  done('ALLDONE'); process.exit(0);
}
const meter = new Meter({ worker: process.pid, postgres: process.env.PG_PID, ...(process.env.MOCK_PID ? { x_mock: process.env.MOCK_PID } : {}) });
if (W === 'W1') {
  const runs = Number(process.argv[3] || 20), wall = [], per = [];
  for (let i = 0; i < 5; i++) await run(lat, `${id}w${i}`, `${id}w${i}`, 100);
  await meter.begin();
  for (let i = 0; i < runs; i++) { const t = performance.now(); per.push(...await run(lat, `${id}r${i}`, `${id}r${i}`, 100)); wall.push(performance.now() - t); }
  record(PEER, 'W1', { dur: DUR, runs, step_ms_median: +median(per).toFixed(3), step_ms_p99: +pct(per, .99).toFixed(3), run_ms_median: +median(wall).toFixed(1), per_step_ms_from_run: +(median(wall) / 100).toFixed(3), ...(await meter.end()) });
} else if (W === 'W2') {
  const n = Number(process.argv[3] || 2000), k = Number(process.argv[4] || 500), lats = []; let steps = 0;
  await pool(50, 50, i => run(chain, `${id}w${i}`, `${id}w${i}`, 10));
  await meter.begin(); const t = performance.now();
  await pool(n, k, async i => { const t0 = performance.now(); const v = await run(chain, `${id}r${i}`, `${id}r${i}`, 10); steps += v.length; lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000, m = await meter.end();
  record(PEER, 'W2', { dur: DUR, runs: n, inflight: k, wall: +s.toFixed(2), steps_per_s: Math.round(steps / s), run_ms_p50: +median(lats).toFixed(0), cpu_us_per_step: Math.round(m.engine_cpu_s * 1e6 / steps), ...m });
} else if (W === 'W3') {
  const walls = [], reps = Number(process.argv[3] || 5); await run(fan, `${id}w`, `${id}w`, 50); await meter.begin();
  for (let i = 0; i < reps; i++) { const t = performance.now(); const v = JSON.parse(await run(fan, `${id}f${i}`, `${id}f${i}`, 1000)); if (v.n !== 1000) throw Error('bad fan ' + v.n); walls.push(performance.now() - t); }
  record(PEER, 'W3', { dur: DUR, reps, wall_ms_median: +median(walls).toFixed(0), walls: walls.map(x => Math.round(x)), ...(await meter.end()) });
} else if (W === 'W4') {
  const n = Number(process.argv[3] || 500), lats = []; await run(chain, `${id}w`, `${id}w`, 2); await meter.begin(); const t = performance.now();
  await pool(n, n, async i => { const t0 = performance.now(); await run(llm, `${id}l${i}`, `${id}l${i}`, 3); lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000, m = await meter.end();
  record(PEER, 'W4', { dur: DUR, runs: n, wall: +s.toFixed(2), ideal: 3, run_s_p50: +(median(lats) / 1000).toFixed(2), run_s_p99: +(pct(lats, .99) / 1000).toFixed(2), ...m });
}
meter.quit(); process.exit(0);
