// W1: a task awaits a trivial child, again and again.
// SPDX-License-Identifier: MIT
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <cstdint>

#include "../support/measure.hpp"

asio::awaitable<std::uint64_t> child(std::uint64_t i) { co_return i; }

asio::awaitable<void> parent(std::uint64_t ops, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < ops; ++i) sum += co_await child(i);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t sum = 0;
  m.begin();
  asio::io_context io(1);
  asio::co_spawn(io, parent(m.ops(), sum), asio::detached);
  io.run();
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
