// W2: a thousand tasks yield in turn.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <cstdint>
#include <vector>

#include "../support/measure.hpp"

namespace fl = bench::floor;

fl::task<> worker(std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await fl::yield();
    ++done;
  }
}

fl::task<> all(std::uint64_t ops, std::uint64_t& done) {
  std::vector<fl::task<>> workers;
  for (std::uint64_t i = 0; i < bench::many; ++i) workers.push_back(worker(bench::share(ops, i), done));
  co_await fl::gather(workers);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  fl::run(all(m.ops(), done));
  m.end();
  return m.report(done == m.ops());
}
