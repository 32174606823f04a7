// An HTTP/1.1 server with keep-alive in a screenful: `http_server 8080` serves until Ctrl-C; without a port it asks
// itself for two pages and ends.
// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <weft/weft.hpp>

std::string answer(std::string_view request_line) {
  const bool home = request_line.starts_with("GET / ");
  const std::string_view body = home ? "Hello from weft\n" : "There is no such page\n";
  return fmt::format("HTTP/1.1 {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}",
                     home ? "200 OK" : "404 Not Found", body.size(), body);
}

weft::task<> serve(weft::stream_reader reader, weft::stream_writer writer) try {
  while (true) {
    const std::string head = co_await reader.read_until("\r\n\r\n");
    co_await writer.write(answer(head.substr(0, head.find('\r'))));
    if (head.find("\r\nConnection: close") != std::string::npos) break;
  }
} catch (const std::runtime_error&) {  // the usual end: the client has closed its side, gone, or sent nonsense
}

weft::task<> get(unsigned port, std::string_view page) {
  auto [reader, writer] = co_await weft::open_connection("127.0.0.1", port);
  co_await writer.write("GET ", page, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string status = co_await reader.read_line();
  co_await reader.read_until("\r\n\r\n");
  const std::string body = co_await reader.read();
  fmt::print("{}: {} -> {}", page, status.substr(9, 3), body);
}

weft::task<> async_main(unsigned port) {
  weft::server server = co_await weft::start_server(serve, "127.0.0.1", port);
  if (port != 0) {
    fmt::print("http://{}/\n", server.addresses().front().to_string());
    co_await server.serve_forever();
  }
  co_await get(server.addresses().front().port(), "/");
  co_await get(server.addresses().front().port(), "/nowhere");
}

int main(int argc, char** argv) try {
  const std::string_view word = argc > 1 ? argv[1] : "0";
  unsigned port = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  const bool help = word == "--help";
  if (help || argc > 2 || error != std::errc() || end != word.data() + word.size()) {
    if (!help) fmt::print(stderr, "http_server: cannot use '{}'\n", argv[argc - 1]);
    fmt::print(help ? stdout : stderr, "usage: http_server [PORT]\n");
    return help ? 0 : 2;
  }
  weft::run(async_main(port));
} catch (const weft::keyboard_interrupt&) {
  return 130;
}
