// W2: a thousand tasks yield in turn.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <vector>
#include <weft/core/run.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>

#include "../support/measure.hpp"

weft::task<> worker(std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await weft::yield();
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
