// W2: a thousand tasks yield in turn.
// SPDX-License-Identifier: MIT
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <cstdint>

#include "../support/measure.hpp"

asio::awaitable<void> worker(std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await asio::post(asio::use_awaitable);
    ++done;
  }
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  asio::io_context io(1);
  for (std::uint64_t i = 0; i < bench::many; ++i) {
    asio::co_spawn(io, worker(bench::share(m.ops(), i), done), asio::detached);
  }
  io.run();
  m.end();
  return m.report(done == m.ops());
}
