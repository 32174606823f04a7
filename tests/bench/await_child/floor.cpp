// W1: a task awaits a trivial child, again and again.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <cstdint>

#include "../support/measure.hpp"

namespace fl = bench::floor;

fl::task<std::uint64_t> child(std::uint64_t i) { co_return i; }

fl::task<std::uint64_t> parent(std::uint64_t ops) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < ops; ++i) sum += co_await child(i);
  co_return sum;
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  const std::uint64_t sum = fl::run(parent(m.ops()));
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
