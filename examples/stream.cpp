// stream: messages with their length in front, whatever pieces they arrive in. The peer is in memory, as in a test.
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <weft/testing/memory_stream_pair.hpp>

#include "run_example.hpp"

weft::task<> send(weft::stream_writer& writer, std::string message) {
  co_await writer.write(std::to_string(message.size()), ":", message);
}

// Nothing: the peer has closed in good order.
weft::task<std::optional<std::string>> receive(weft::stream_reader& reader) {
  std::string length;
  try {
    length = co_await reader.read_until(":");
  } catch (const weft::incomplete_read_error& e) {
    if (!e.partial().empty()) throw;
    co_return std::nullopt;
  }
  co_return co_await reader.read_exactly(std::stoul(length));
}

weft::task<> answer(weft::stream_reader reader, weft::stream_writer writer) {
  while (auto message = co_await receive(reader)) co_await send(writer, "you said " + *message);
}  // both go, and the stream is closed

weft::task<> async_main() {
  auto [client, server] = weft::memory_stream_pair({.chunk = 1});  // a byte at a time
  auto serving = weft::create_task(answer(std::move(server.reader), std::move(server.writer)));
  co_await send(client.writer, "hello");
  co_await send(client.writer, "two\nlines");
  client.writer.write_eof();
  while (auto message = co_await receive(client.reader)) fmt::print("{}\n", *message);
  co_await serving;
  fmt::print("the other side has closed\n");
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
