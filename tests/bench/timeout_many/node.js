// W5: a thousand async functions set a limit of 30 seconds to one turn of the loop, again and again.
// SPDX-License-Identifier: MIT
"use strict";
const measure = require("../support/measure.js");
const { setImmediate } = require("node:timers/promises");

async function withTimeout(limit, promise) {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(reject, limit, new Error("timeout"));
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

async function worker(turns) {
  let done = 0;
  for (let i = 0; i < turns; ++i) {
    await withTimeout(30000, setImmediate());
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
