// The cost per task of a gather, from few tasks to many. The second of two equal runs is measured: what the first one
// touches for the first time does not count.
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
  const std::uint64_t first = 0;
  const std::vector<std::uint64_t> results =
      co_await weft::gather(std::views::iota(first, ops) | std::views::transform(child));
  co_return std::accumulate(results.begin(), results.end(), std::uint64_t{0});
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t sum = weft::run(parent(m.ops()));
  m.begin();
  sum += weft::run(parent(m.ops()));
  m.end();
  return m.report(sum == 2 * bench::sum_below(m.ops()));
}
