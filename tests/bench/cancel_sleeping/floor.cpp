// W8: destroys many sleeping tasks: the floor throws nothing, so nobody can catch. Starting them is not measured.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

#include "../support/measure.hpp"

namespace fl = bench::floor;
using namespace std::chrono_literals;

struct count_at_end {
  std::uint64_t& count;
  ~count_at_end() { ++count; }
};

fl::task<> sleeper(std::uint64_t& ended) {
  const count_at_end at_end{ended};
  co_await fl::sleep_for(1h);
}

fl::task<> cancel_all(bench::meter& m, std::uint64_t& ended) {
  std::vector<fl::task<>> tasks;
  tasks.reserve(m.ops());
  for (std::uint64_t i = 0; i < m.ops(); ++i) {
    tasks.push_back(sleeper(ended));
    fl::ready.push(tasks.back().coroutine());
  }
  co_await fl::yield();  // now they sleep
  m.begin();
  tasks.clear();
  m.end();
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t ended = 0;
  fl::run(cancel_all(m, ended));
  return m.report(ended == m.ops());
}
