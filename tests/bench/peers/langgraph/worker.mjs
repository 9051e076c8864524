// SPDX-License-Identifier: Apache-2.0
// LangGraph JS + SqliteSaver in one process (the engine is a library). node worker.mjs W1|W2|W3|W4|W5run ...
// SYNC=FULL|NORMAL (SQLite synchronous pragma), DURABILITY=sync|async|exit (LangGraph option), DB=path
import { StateGraph, Annotation, START, END, Send } from '@langchain/langgraph';
import { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite';
import { Meter, step, llmCall, pool, median, pct, record, done } from './lib.mjs';
const W = process.argv[2], DB = process.env.DB, SYNC = process.env.SYNC || 'FULL', DURABILITY = process.env.DURABILITY || 'sync';
const saver = SqliteSaver.fromConnString(DB); saver.setup(); saver.db.pragma(`synchronous = ${SYNC}`);
const DUR = `sqlite ${saver.db.pragma('journal_mode', { simple: true })} synchronous=${SYNC}${SYNC === 'FULL' ? ' (fsync per commit)' : ' (no fsync per commit)'}, durability=${DURABILITY}`;
const last = Annotation({ reducer: (a, b) => b, default: () => null });
const chainGraph = (n, acc) => {
  const S = Annotation.Root({ run: last, prev: last, ...(acc ? { all: Annotation({ reducer: (a, b) => a.concat(b), default: () => [] }) } : {}) });
  const g = new StateGraph(S);
  for (let i = 0; i < n; i++) g.addNode(`s${i}`, s => { const r = step(s.run, i, s.prev); return acc ? { prev: r, all: [JSON.parse(r).nonce] } : { prev: r }; });
  g.addEdge(START, 's0'); for (let i = 1; i < n; i++) g.addEdge(`s${i - 1}`, `s${i}`); g.addEdge(`s${n - 1}`, END);
  return g.compile({ checkpointer: saver });
};
const llmGraph = n => {
  const g = new StateGraph(Annotation.Root({ run: last, prev: last }));
  for (let i = 0; i < n; i++) g.addNode(`l${i}`, async s => ({ prev: await llmCall(s.run, i) }));
  g.addEdge(START, 'l0'); for (let i = 1; i < n; i++) g.addEdge(`l${i - 1}`, `l${i}`); g.addEdge(`l${n - 1}`, END);
  return g.compile({ checkpointer: saver });
};
const fanGraph = n => {
  const g = new StateGraph(Annotation.Root({ run: last, root: last, rs: Annotation({ reducer: (a, b) => a.concat(b), default: () => [] }), out: last }));
  g.addNode('rootn', s => ({ root: step(s.run, 0, null) }));
  g.addNode('p', s => ({ rs: [step(s.run, s.i, s.root)] }));
  g.addNode('join', s => ({ out: s.rs.length }));
  g.addEdge(START, 'rootn'); g.addConditionalEdges('rootn', s => Array.from({ length: n }, (_, i) => new Send('p', { run: s.run, root: s.root, i: i + 1 })), ['p']);
  g.addEdge('p', 'join'); g.addEdge('join', END);
  return g.compile({ checkpointer: saver });
};
const cfg = id => ({ configurable: { thread_id: id }, durability: DURABILITY, recursionLimit: 250 });
const id = Date.now().toString(36), PEER = 'langgraph';
if (W === 'W5run') { // resumable W2: prints "done <run> <nonces>" as each run completes
  const g = chainGraph(10, true); const n = 2000, k = 500;
  await pool(n, k, async i => {
    const r = `r${i}`; const st = await g.getState(cfg(r)); let v;
    if (st.config?.configurable?.checkpoint_id && st.values?.run) v = st.next.length ? await g.invoke(null, cfg(r)) : st.values;
    else v = await g.invoke({ run: r }, cfg(r));
    done(`done ${r} ${v.all.join(',')}`);
  });
  done('ALLDONE'); process.exit(0);
}
const meter = new Meter({ engine: process.pid, ...(process.env.MOCK_PID ? { x_mock: process.env.MOCK_PID } : {}) });
if (W === 'W1') {
  const g = chainGraph(100), runs = Number(process.argv[3] || 20), wall = [];
  for (let i = 0; i < 5; i++) await g.invoke({ run: `${id}w${i}` }, cfg(`${id}w${i}`));
  await meter.begin();
  for (let i = 0; i < runs; i++) { const t = performance.now(); await g.invoke({ run: `${id}r${i}` }, cfg(`${id}r${i}`)); wall.push(performance.now() - t); }
  record(PEER, 'W1', { dur: DUR, runs, run_ms_median: +median(wall).toFixed(1), per_step_ms_from_run: +(median(wall) / 100).toFixed(3), ...(await meter.end()) });
} else if (W === 'W2') {
  const n = Number(process.argv[3] || 2000), k = Number(process.argv[4] || 500), g = chainGraph(10), lats = [];
  await pool(20, 20, i => g.invoke({ run: `${id}w${i}` }, cfg(`${id}w${i}`)));
  await meter.begin(); const t = performance.now();
  await pool(n, k, async i => { const t0 = performance.now(); await g.invoke({ run: `${id}r${i}` }, cfg(`${id}r${i}`)); lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000, m = await meter.end();
  record(PEER, 'W2', { dur: DUR, runs: n, inflight: k, wall: +s.toFixed(2), steps_per_s: Math.round(n * 10 / s), run_ms_p50: +median(lats).toFixed(0), cpu_us_per_step: Math.round(m.engine_cpu_s * 1e6 / (n * 10)), ...m });
} else if (W === 'W3') {
  const g = fanGraph(1000), w = fanGraph(50), walls = [], reps = Number(process.argv[3] || 5); await w.invoke({ run: `${id}w` }, cfg(`${id}w`)); await meter.begin();
  for (let i = 0; i < reps; i++) { const t = performance.now(); const v = await g.invoke({ run: `${id}f${i}` }, cfg(`${id}f${i}`)); if (v.out !== 1000) throw Error('bad fan'); walls.push(performance.now() - t); }
  record(PEER, 'W3', { dur: DUR, reps, wall_ms_median: +median(walls).toFixed(0), walls: walls.map(x => Math.round(x)), ...(await meter.end()) });
} else if (W === 'W4') {
  const n = Number(process.argv[3] || 500), g = llmGraph(3), lats = []; await meter.begin(); const t = performance.now();
  await pool(n, n, async i => { const t0 = performance.now(); await g.invoke({ run: `${id}l${i}` }, cfg(`${id}l${i}`)); lats.push(performance.now() - t0); });
  const s = (performance.now() - t) / 1000, m = await meter.end();
  record(PEER, 'W4', { dur: DUR, runs: n, wall: +s.toFixed(2), ideal: 3, run_s_p50: +(median(lats) / 1000).toFixed(2), run_s_p99: +(pct(lats, .99) / 1000).toFixed(2), ...m });
}
meter.quit(); process.exit(0);
