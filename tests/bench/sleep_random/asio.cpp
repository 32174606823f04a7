// W4: many tasks sleep a random time below a second.
// SPDX-License-Identifier: MIT
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>

#include "../support/measure.hpp"

asio::awaitable<void> sleeper(asio::io_context& io, std::chrono::nanoseconds delay, std::uint64_t& done) {
  asio::steady_timer timer(io, delay);
  co_await timer.async_wait(asio::use_awaitable);
  ++done;
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  bench::delays delays;
  std::uint64_t done = 0;
  m.begin();
  asio::io_context io(1);
  for (std::uint64_t i = 0; i < m.ops(); ++i) asio::co_spawn(io, sleeper(io, delays.next(), done), asio::detached);
  io.run();
  m.end();
  return m.report(done == m.ops());
}
