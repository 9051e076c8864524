// SPDX-License-Identifier: Apache-2.0
// sdk 1.17.2 calls Promise.withResolvers, which node 20 lacks
Promise.withResolvers ??= function () { let resolve, reject; const promise = new Promise((a, b) => { resolve = a; reject = b; }); return { promise, resolve, reject }; };
