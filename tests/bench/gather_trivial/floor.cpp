// W3: runs many trivial tasks at once and waits for all of their results.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <cstdint>
#include <vector>

#include "../support/measure.hpp"

namespace fl = bench::floor;

fl::task<std::uint64_t> child(std::uint64_t i) { co_return i; }

fl::task<std::uint64_t> parent(std::uint64_t ops) {
  std::vector<fl::task<std::uint64_t>> children;
  children.reserve(ops);
  for (std::uint64_t i = 0; i < ops; ++i) children.push_back(child(i));
  co_await fl::gather(children);
  std::uint64_t sum = 0;
  for (auto& c : children) sum += c.await_resume();
  co_return sum;
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  const std::uint64_t sum = fl::run(parent(m.ops()));
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
