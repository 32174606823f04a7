// W3: runs many trivial async functions at once and waits for all of their results.
// SPDX-License-Identifier: MIT
"use strict";
const measure = require("../support/measure.js");

async function child(i) {
  return i;
}

async function parent(ops) {
  const children = Array.from({ length: ops }, (_, i) => child(i));
  return (await Promise.all(children)).reduce((a, b) => a + b);
}

async function main() {
  const m = measure.meter();
  m.begin();
  const sum = await parent(m.ops);
  m.end();
  m.report(sum === (m.ops * (m.ops - 1)) / 2);
}

main();
