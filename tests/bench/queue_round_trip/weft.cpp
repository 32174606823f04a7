// W6: two tasks send an item there and back over two queues of capacity 1.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <weft/core/run.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/queue.hpp>

#include "../support/measure.hpp"

using queue = weft::queue<std::uint64_t>;

weft::task<> client(queue& requests, queue& replies, std::uint64_t turns, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await requests.put(i);
    sum += co_await replies.get();
  }
}

weft::task<> server(queue& requests, queue& replies, std::uint64_t turns) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    const std::uint64_t item = co_await requests.get();
    co_await replies.put(item);
  }
}

weft::task<> both(std::uint64_t turns, std::uint64_t& sum) {
  queue requests(1);
  queue replies(1);
  co_await weft::gather(client(requests, replies, turns, sum), server(requests, replies, turns));
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t sum = 0;
  m.begin();
  weft::run(both(m.ops(), sum));
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
