// What the node benchmarks share: the argument, the meter, the line of JSON. See measure.hpp.
// SPDX-License-Identifier: MIT
"use strict";
const fs = require("node:fs");

// How many tasks the workloads with "many" have.
exports.many = 1000;

// How many of `ops` operations fall to task i of `many`.
exports.share = (ops, i) => Math.floor(ops / exports.many) + (i < ops % exports.many ? 1 : 0);

// Pseudo-random delays below a second, in milliseconds: the same ones in all languages.
exports.delays = () => {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 1000;
  };
};

const status = (field) =>
  Number(fs.readFileSync("/proc/self/status", "ascii").match(new RegExp(`^${field}:\\s*(\\d+)`, "m"))[1]);

// Reads OPS; begin(), end() and report() as in measure.hpp. The CPU time has the garbage collector's threads in it.
exports.meter = () => {
  const ops = Number(process.argv[2]);
  if (process.argv.length !== 3 || !Number.isSafeInteger(ops) || ops <= 0) {
    console.error(`usage: ${process.argv[1]} OPS`);
    process.exit(2);
  }
  let cpu, cpu_ns, start_rss_kb, peak_rss_kb;
  return {
    ops,
    begin() {
      start_rss_kb = status("VmRSS");
      cpu = process.cpuUsage();
    },
    end() {
      cpu = process.cpuUsage(cpu);
      cpu_ns = (cpu.user + cpu.system) * 1000;
      peak_rss_kb = status("VmHWM");
    },
    report(correct) {
      if (!correct) {
        console.error("the result of the work is wrong");
        process.exit(1);
      }
      console.log(JSON.stringify({ ops, cpu_ns, allocations: null, peak_rss_kb, start_rss_kb }));
    },
  };
};
