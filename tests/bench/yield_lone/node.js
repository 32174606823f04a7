// W2: a lone async function lets the event loop turn, again and again.
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
  const done = await worker(m.ops);
  m.end();
  m.report(done === m.ops);
}

main();
