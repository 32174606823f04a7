// W4: many async functions sleep a random time below a second; node's timers are whole milliseconds.
// SPDX-License-Identifier: MIT
"use strict";
const measure = require("../support/measure.js");
const { setTimeout } = require("node:timers/promises");

async function sleeper(delay) {
  await setTimeout(delay);
  return 1;
}

async function main() {
  const m = measure.meter();
  const delay = measure.delays();
  m.begin();
  const sleepers = Array.from({ length: m.ops }, () => sleeper(delay()));
  const done = (await Promise.all(sleepers)).reduce((a, b) => a + b);
  m.end();
  m.report(done === m.ops);
}

main();
