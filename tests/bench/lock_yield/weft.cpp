// W7: a thousand tasks hold one lock over a yield, again and again.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <utility>
#include <vector>
#include <weft/core/run.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/yield.hpp>

#include "../support/measure.hpp"

weft::task<> worker(weft::mutex& mutex, std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    const auto lock = co_await mutex.lock();
    const std::uint64_t before = done;
    co_await weft::yield();
    done = before + 1;  // nobody came between
  }
}

weft::task<> all(std::uint64_t ops, std::uint64_t& done) {
  weft::mutex mutex;
  std::vector<weft::task<>> workers;
  for (std::uint64_t i = 0; i < bench::many; ++i) workers.push_back(worker(mutex, bench::share(ops, i), done));
  co_await weft::gather(std::move(workers));
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  weft::run(all(m.ops(), done));
  m.end();
  return m.report(done == m.ops());
}
