// W6: two tasks send an item there and back over two channels of capacity 1.
// SPDX-License-Identifier: MIT
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <cstdint>

#include "../support/measure.hpp"

using channel = asio::experimental::channel<void(asio::error_code, std::uint64_t)>;

asio::awaitable<void> client(channel& requests, channel& replies, std::uint64_t turns, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await requests.async_send(asio::error_code(), i, asio::use_awaitable);
    sum += co_await replies.async_receive(asio::use_awaitable);
  }
}

asio::awaitable<void> server(channel& requests, channel& replies, std::uint64_t turns) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    const std::uint64_t item = co_await requests.async_receive(asio::use_awaitable);
    co_await replies.async_send(asio::error_code(), item, asio::use_awaitable);
  }
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t sum = 0;
  m.begin();
  asio::io_context io(1);
  channel requests(io, 1);
  channel replies(io, 1);
  asio::co_spawn(io, client(requests, replies, m.ops(), sum), asio::detached);
  asio::co_spawn(io, server(requests, replies, m.ops()), asio::detached);
  io.run();
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
