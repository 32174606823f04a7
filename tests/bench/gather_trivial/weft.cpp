// W3: runs many trivial tasks at once and waits for all of their results.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <numeric>
#include <ranges>
#include <vector>
#include <weft/core/run.hpp>
#include <weft/flow/gather.hpp>

#include "../support/measure.hpp"

weft::task<std::uint64_t> child(std::uint64_t i) { co_return i; }

weft::task<std::uint64_t> parent(std::uint64_t ops) {
  const auto children = std::views::iota(std::uint64_t{0}, ops) | std::views::transform(child);
  const std::vector<std::uint64_t> results = co_await weft::gather(children);
  co_return std::accumulate(results.begin(), results.end(), std::uint64_t{0});
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  const std::uint64_t sum = weft::run(parent(m.ops()));
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
