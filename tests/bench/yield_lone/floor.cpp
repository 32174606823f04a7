// W2: a lone task yields, again and again.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <cstdint>

#include "../support/measure.hpp"

namespace fl = bench::floor;

fl::task<> worker(std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await fl::yield();
    ++done;
  }
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  fl::run(worker(m.ops(), done));
  m.end();
  return m.report(done == m.ops());
}
