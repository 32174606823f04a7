// W1: an async function awaits a trivial child, again and again.
// SPDX-License-Identifier: MIT
"use strict";
const measure = require("../support/measure.js");

async function child(i) {
  return i;
}

async function parent(ops) {
  let sum = 0;
  for (let i = 0; i < ops; ++i) sum += await child(i);
  return sum;
}

async function main() {
  const m = measure.meter();
  m.begin();
  const sum = await parent(m.ops);
  m.end();
  m.report(sum === (m.ops * (m.ops - 1)) / 2);
}

main();
