// SPDX-License-Identifier: Apache-2.0
// Shared by every Node peer: the step body, the execution log used by W5, the meter client, HTTP helpers.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
export const HERE = path.dirname(fileURLToPath(import.meta.url));
const PAD = 'x'.repeat(140);
let logfd = process.env.EXECLOG ? fs.openSync(process.env.EXECLOG, 'a') : -1;
let seq = 0; const boot = randomBytes(4).toString('hex');
// One trivial step: returns a JSON string of about 200 bytes. With EXECLOG set, appends "run step nonce prevNonce".
export function step(run, i, prev) {
  const nonce = boot + (seq++).toString(36);
  if (logfd >= 0) fs.writeSync(logfd, `${run} ${i} ${nonce} ${prev ? JSON.parse(prev).nonce : '-'}\n`);
  return JSON.stringify({ run, step: i, nonce, pad: PAD });
}
export const nonceOf = s => JSON.parse(s).nonce;
const llmAgent = new http.Agent({ keepAlive: true, maxSockets: 20000, maxFreeSockets: 20000 });
export function llmCall(run, i, port = Number(process.env.LLM_PORT || 18099)) {
  const body = JSON.stringify({ model: 'mock', messages: [{ role: 'user', content: `run ${run} call ${i}` }] });
  return new Promise((res, rej) => {
    const r = http.request({ host: '127.0.0.1', port, path: '/v1/chat/completions', method: 'POST', agent: llmAgent,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, m => {
      let s = ''; m.setEncoding('utf8'); m.on('data', d => s += d); m.on('end', () => res(JSON.parse(s).choices[0].message.content)); });
    r.on('error', rej); r.end(body);
  });
}
export function post(agent, port, p, body, headers = {}) {
  const b = body === undefined ? '' : JSON.stringify(body);
  return new Promise((res, rej) => {
    const r = http.request({ host: '127.0.0.1', port, path: p, method: 'POST', agent,
      headers: { ...(b ? { 'content-type': 'application/json' } : {}), 'content-length': Buffer.byteLength(b), ...headers } }, m => {
      let s = ''; m.setEncoding('utf8'); m.on('data', d => s += d);
      m.on('end', () => m.statusCode < 300 ? res(s) : rej(new Error(m.statusCode + ' ' + s.slice(0, 300)))); });
    r.on('error', rej); r.end(b);
  });
}
export const sleep = ms => new Promise(r => setTimeout(r, ms));
export const median = a => { const s = [...a].sort((x, y) => x - y); return s.length % 2 ? s[(s.length - 1) / 2] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2; };
export const pct = (a, p) => { const s = [...a].sort((x, y) => x - y); return s[Math.min(s.length - 1, Math.floor(p * s.length))]; };
// Runs fn(i) for i in [0,n) with at most k in flight.
export async function pool(n, k, fn) {
  let next = 0; const go = async () => { while (next < n) { const i = next++; await fn(i); } };
  await Promise.all(Array.from({ length: Math.min(k, n) }, go));
}
export class Meter {
  constructor(roles) {
    this.p = spawn('python3', [path.join(HERE, 'meter.py'), ...Object.entries(roles).map(([r, p]) => `${r}=${p}`)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.q = []; createInterface({ input: this.p.stdout }).on('line', l => this.q.shift()?.(l));
  }
  cmd(c) { return new Promise(r => { this.q.push(r); this.p.stdin.write(c + '\n'); }); }
  begin() { return this.cmd('begin'); }
  async end() { return JSON.parse(await this.cmd('end')); }
  role(r, pid) { return this.cmd(`role ${r}=${pid}`); }
  quit() { this.p.stdin.end('quit\n'); }
}
export function record(peer, workload, o) {
  const row = { ts: new Date().toISOString(), peer, workload, ...o };
  fs.appendFileSync(process.env.RESULTS_FILE || path.join(HERE, '..', 'results', 'results.jsonl'), JSON.stringify(row) + '\n');
  console.log(JSON.stringify(row));
}
// W5 check: execlog lines vs. the final result of every run (array of nonces per step).
export function checkExecLog(file, finals) {
  const ex = new Map(); let execs = 0;
  for (const l of fs.readFileSync(file, 'utf8').split('\n')) {
    if (!l) continue; const [run, i, n, prev] = l.split(' '); execs++;
    if (!ex.has(run)) ex.set(run, []); ex.get(run).push({ i: +i, n, prev });
  }
  let runsDone = 0, expected = 0, reexec = 0, reexecAfterAck = 0, lostAcked = 0, unknown = 0;
  for (const [run, nonces] of finals) {
    runsDone++; expected += nonces.length; const log = ex.get(run) || [];
    const acked = new Map(); const count = new Map();
    for (const e of log) {
      count.set(e.i, (count.get(e.i) || 0) + 1);
      if (acked.has(e.i)) reexecAfterAck++;              // its result had already been fed to the next step
      if (e.prev !== '-' ) { const a = e.i - 1; if (acked.has(a) && acked.get(a) !== e.prev) lostAcked++; acked.set(a, e.prev); }
    }
    for (const c of count.values()) reexec += c - 1;
    nonces.forEach((n, i) => { if (!log.some(e => e.i === i && e.n === n)) unknown++; if (acked.has(i) && acked.get(i) !== n) lostAcked++; });
  }
  return { runsDone, execs, expected, reexec, reexecAfterAck, lostAcked, unknownResults: unknown };
}

// Calls fn() once, when the execution log has at least n lines (polls every 5 ms).
export function whenExecuted(file, n, fn) {
  let off = 0, lines = 0; const buf = Buffer.alloc(1 << 20);
  const t = setInterval(() => {
    let fd; try { fd = fs.openSync(file, 'r'); } catch { return; }
    for (let r; (r = fs.readSync(fd, buf, 0, buf.length, off)) > 0; off += r) for (let i = 0; i < r; i++) if (buf[i] === 10) lines++;
    fs.closeSync(fd);
    if (lines >= n) { clearInterval(t); fn(lines); }
  }, 5);
  return () => clearInterval(t);
}

// Results are handed to the W5 parent through an append-only file, not a pipe (a worker that never yields would not flush a pipe).
const donefd = process.env.DONELOG ? fs.openSync(process.env.DONELOG, 'a') : 1;
export const done = l => fs.writeSync(donefd, l + '\n');
// Follows a file line by line (5 ms poll); returns a stop function that reads the rest first.
export function follow(file, fn) {
  let off = 0, rest = ''; const buf = Buffer.alloc(1 << 20);
  const read = () => { let fd; try { fd = fs.openSync(file, 'r'); } catch { return; }
    for (let r; (r = fs.readSync(fd, buf, 0, buf.length, off)) > 0; off += r) { const p = (rest + buf.toString('latin1', 0, r)).split('\n'); rest = p.pop(); p.forEach(fn); }
    fs.closeSync(fd); };
  const t = setInterval(read, 5); return () => { clearInterval(t); read(); };
}
