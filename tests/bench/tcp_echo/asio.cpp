// W9: a TCP server that sends back what it is sent, 50 connections.
// SPDX-License-Identifier: MIT
#include <array>
#include <asio.hpp>
#include <cstdint>
#include <utility>

#include "../support/echo_client.hpp"
#include "../support/measure.hpp"

using asio::ip::tcp;

std::uint64_t ended = 0;

asio::awaitable<void> echo(tcp::socket socket, tcp::acceptor& acceptor) {
  std::array<char, 4096> data;
  while (true) {
    asio::error_code error;
    const std::size_t n =
        co_await socket.async_read_some(asio::buffer(data), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(socket, asio::buffer(data, n), asio::use_awaitable);
  }
  if (++ended == bench::connections) acceptor.close();
}

asio::awaitable<void> serve(tcp::acceptor& acceptor) {
  const auto executor = co_await asio::this_coro::executor;
  for (std::uint64_t i = 0; i < bench::connections; ++i) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(executor, echo(std::move(socket), acceptor), asio::detached);
  }
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  bench::echo_client client(acceptor.local_endpoint().port(), m.ops());
  asio::co_spawn(context, serve(acceptor), asio::detached);
  context.run();
  m.end();
  return m.report(client.was_content());
}
