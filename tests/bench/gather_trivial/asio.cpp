// W3: runs many trivial tasks at once and waits for all of their results. asio's gather for a number that is not known
// when the program is compiled: spawn them all, and run until nothing is left.
// SPDX-License-Identifier: MIT
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <cstdint>
#include <exception>
#include <numeric>
#include <vector>

#include "../support/measure.hpp"

asio::awaitable<std::uint64_t> child(std::uint64_t i) { co_return i; }

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  asio::io_context io(1);
  std::vector<std::uint64_t> results(m.ops());
  for (std::uint64_t i = 0; i < m.ops(); ++i) {
    asio::co_spawn(io, child(i), [&results, i](std::exception_ptr, std::uint64_t result) { results[i] = result; });
  }
  io.run();
  const std::uint64_t sum = std::accumulate(results.begin(), results.end(), std::uint64_t{0});
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
