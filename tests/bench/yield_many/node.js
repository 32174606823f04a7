// W2: a thousand async functions let the event loop turn.
// SPDX-License-Identifier: MIT
"use strict";
const measure = require("../support/measure.js");

const { setImmediate } = require("node:timers/promises");

async function worker(turns) {
  let done = 0;
  for (let i = 0; i < turns; ++i) {
    await setImmediate();
    ++done;
  }
  return done;
}

async function main() {
  const m = measure.meter();
  m.begin();
  const workers = Array.from({ length: measure.many }, (_, i) => worker(measure.share(m.ops, i)));
  const done = (await Promise.all(workers)).reduce((a, b) => a + b);
  m.end();
  m.report(done === m.ops);
}

main();
