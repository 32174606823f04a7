// W4: many tasks sleep a random time below a second.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

#include "../support/measure.hpp"

namespace fl = bench::floor;

fl::task<> sleeper(std::chrono::nanoseconds delay, std::uint64_t& done) {
  co_await fl::sleep_for(delay);
  ++done;
}

fl::task<> all(std::uint64_t ops, std::uint64_t& done) {
  bench::delays delays;
  std::vector<fl::task<>> sleepers;
  sleepers.reserve(ops);
  for (std::uint64_t i = 0; i < ops; ++i) sleepers.push_back(sleeper(delays.next(), done));
  co_await fl::gather(sleepers);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  fl::virtual_time = m.virtual_time();
  std::uint64_t done = 0;
  m.begin();
  fl::run(all(m.ops(), done));
  m.end();
  return m.report(done == m.ops());
}
