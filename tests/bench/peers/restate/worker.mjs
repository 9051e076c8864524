// SPDX-License-Identifier: Apache-2.0
// The service deployment: one Node process, HTTP/2, PORT (default 19080). Plain service and workflow variants.
import './polyfill.mjs';
import http2 from 'node:http2';
import * as restate from '@restatedev/restate-sdk';
import { step, llmCall } from './lib.mjs';
const chain = async (ctx, run, n) => {
  let prev = null; const all = [];
  for (let i = 0; i < n; i++) { const p = prev; prev = await ctx.run(`s${i}`, () => step(run, i, p)); all.push(JSON.parse(prev).nonce); }
  return all;
};
const lat = async (ctx, run, n) => {
  // per-step latency seen by the handler: time between the starts of consecutive step bodies; wall clock only, not durable
  const t = []; let prev = null;
  for (let i = 0; i < n; i++) { const a = performance.now(); const p = prev; prev = await ctx.run(`s${i}`, () => step(run, i, p)); t.push(performance.now() - a); }
  return t;
};
const fan = async (ctx, run, n) => {
  const root = await ctx.run('root', () => step(run, 0, null));
  const rs = await restate.RestatePromise.all(Array.from({ length: n }, (_, i) => ctx.run(`p${i}`, () => step(run, i + 1, root))));
  return await ctx.run('join', () => JSON.stringify({ n: rs.length }));
};
const llm = async (ctx, run, n) => {
  let out = '';
  for (let i = 0; i < n; i++) out = await ctx.run(`llm${i}`, () => llmCall(run, i));
  return out.length;
};
const h = f => (ctx, a) => f(ctx, a.run, a.n);
const endpoint = restate.createEndpointHandler({ services: [
  restate.service({ name: 'S', handlers: { chain: h(chain), lat: h(lat), fan: h(fan), llm: h(llm) } }),
  restate.workflow({ name: 'W', handlers: { run: h(chain) } }),
], logger: () => {} });
const port = Number(process.env.PORT || 19080);
http2.createServer(endpoint).listen(port, '127.0.0.1', () => console.log('worker ready', port));
