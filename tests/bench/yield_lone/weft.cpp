// W2: a lone task yields, again and again.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <weft/core/run.hpp>
#include <weft/sync/yield.hpp>

#include "../support/measure.hpp"

weft::task<> worker(std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await weft::yield();
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
