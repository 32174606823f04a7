// The cost per task of many that put an item each into one queue of capacity 1, from few tasks to many: all but one
// wait in line. The second of two equal runs is measured: what the first one touches for the first time does not count.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <utility>
#include <vector>
#include <weft/core/run.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/queue.hpp>

#include "../support/measure.hpp"

using queue = weft::queue<std::uint64_t>;

weft::task<> producer(queue& items, std::uint64_t i) { co_await items.put(i); }

weft::task<> consumer(queue& items, std::uint64_t ops, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < ops; ++i) sum += co_await items.get();
}

weft::task<> all(std::uint64_t ops, std::uint64_t& sum) {
  queue items(1);
  std::vector<weft::task<>> tasks;
  tasks.reserve(ops + 1);
  for (std::uint64_t i = 0; i < ops; ++i) tasks.push_back(producer(items, i));
  tasks.push_back(consumer(items, ops, sum));
  co_await weft::gather(std::move(tasks));
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t sum = 0;
  weft::run(all(m.ops(), sum));
  m.begin();
  weft::run(all(m.ops(), sum));
  m.end();
  return m.report(sum == 2 * bench::sum_below(m.ops()));
}
