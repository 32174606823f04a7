// W8: cancels many sleeping async functions and waits until they have ended. That they are started is not measured.
// SPDX-License-Identifier: MIT
"use strict";
const measure = require("../support/measure.js");
const { setTimeout } = require("node:timers/promises");

async function sleeper(signal) {
  await setTimeout(3600000, undefined, { signal });
}

async function main() {
  const m = measure.meter();
  const controllers = Array.from({ length: m.ops }, () => new AbortController());
  const sleepers = controllers.map((controller) => sleeper(controller.signal));
  m.begin();
  for (const controller of controllers) controller.abort();
  const outcomes = await Promise.allSettled(sleepers);
  m.end();
  m.report(outcomes.every((outcome) => outcome.status === "rejected" && outcome.reason.name === "AbortError"));
}

main();
