// W1: a task awaits a trivial child, again and again.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <weft/core/run.hpp>

#include "../support/measure.hpp"

weft::task<std::uint64_t> child(std::uint64_t i) { co_return i; }

weft::task<std::uint64_t> parent(std::uint64_t ops) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < ops; ++i) sum += co_await child(i);
  co_return sum;
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  const std::uint64_t sum = weft::run(parent(m.ops()));
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
