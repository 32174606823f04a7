// W5: a lone task sets a limit of 30 seconds to a single yield, again and again.
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <weft/core/run.hpp>
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

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  weft::run(worker(m.ops(), done));
  m.end();
  return m.report(done == m.ops());
}
