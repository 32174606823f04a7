// W5: a thousand tasks set a limit of 30 seconds to a single yield, again and again.
// By hand: asio's `post || wait` does the same at more than twice the cost.
// SPDX-License-Identifier: MIT
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>

#include "../support/measure.hpp"

using namespace std::chrono_literals;

asio::awaitable<void> worker(asio::io_context& io, std::uint64_t turns, std::uint64_t& done) {
  asio::steady_timer limit(io);
  asio::cancellation_signal expired;
  for (std::uint64_t i = 0; i < turns; ++i) {
    limit.expires_after(30s);
    limit.async_wait([&expired](asio::error_code error) {
      if (!error) expired.emit(asio::cancellation_type::all);
    });
    co_await asio::post(asio::bind_cancellation_slot(expired.slot(), asio::use_awaitable));
    limit.cancel();
    ++done;
  }
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  asio::io_context io(1);
  for (std::uint64_t i = 0; i < bench::many; ++i) {
    asio::co_spawn(io, worker(io, bench::share(m.ops(), i), done), asio::detached);
  }
  io.run();
  m.end();
  return m.report(done == m.ops());
}
