// W8: cancels many sleeping tasks and waits until they have ended. That they are started is not measured.
// SPDX-License-Identifier: MIT
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <vector>

#include "../support/measure.hpp"

using namespace std::chrono_literals;

asio::awaitable<void> sleeper(asio::io_context& io) {
  asio::steady_timer timer(io, 1h);
  co_await timer.async_wait(asio::use_awaitable);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t cancelled = 0;
  asio::io_context io(1);
  std::vector<asio::cancellation_signal> signals(m.ops());
  for (asio::cancellation_signal& signal : signals) {
    const auto ended = [&cancelled](std::exception_ptr error) { cancelled += error != nullptr; };
    asio::co_spawn(io, sleeper(io), asio::bind_cancellation_slot(signal.slot(), ended));
  }
  io.poll();  // now they sleep
  m.begin();
  for (asio::cancellation_signal& signal : signals) signal.emit(asio::cancellation_type::terminal);
  io.run();
  m.end();
  return m.report(cancelled == m.ops());
}
