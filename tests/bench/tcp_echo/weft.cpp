// W9: a TCP server that sends back what it is sent, 50 connections.
// SPDX-License-Identifier: MIT
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <weft/core/run.hpp>
#include <weft/io/start_server.hpp>
#include <weft/sync/event.hpp>

#include "../support/echo_client.hpp"
#include "../support/measure.hpp"

std::uint64_t ended = 0;
weft::event all_ended;

weft::task<> echo(weft::stream_reader reader, weft::stream_writer writer) {
  std::array<char, 4096> data;
  while (true) {
    const std::size_t n = co_await reader.read_some(data);
    if (n == 0) break;
    co_await writer.write(std::string_view(data.data(), n));
  }
  if (++ended == bench::connections) all_ended.set();
}

weft::task<bool> serve(std::uint64_t ops) {
  weft::server server = co_await weft::start_server(echo, "127.0.0.1", 0);
  bench::echo_client client(server.addresses().front().port(), ops);
  co_await all_ended.wait();
  co_return client.was_content();
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  const bool content = weft::run(serve(m.ops()));
  m.end();
  return m.report(content);
}
