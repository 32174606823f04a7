// W5: a thousand tasks set a limit of 30 seconds to a single yield, again and again.
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>
#include <weft/core/run.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/with_timeout.hpp>

#include "../support/measure.hpp"

using namespace std::chrono_literals;

weft::task<> one_yield() { co_await weft::yield(); }

weft::task<> worker(std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await weft::with_timeout(30s, one_yield());
    ++done;
  }
}

weft::task<> all(std::uint64_t ops, std::uint64_t& done) {
  std::vector<weft::task<>> workers;
  for (std::uint64_t i = 0; i < bench::many; ++i) workers.push_back(worker(bench::share(ops, i), done));
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
