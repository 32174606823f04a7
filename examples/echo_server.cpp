// start_server, open_connection: a server that sends back what it gets, and three clients that talk to it at once.
// SPDX-License-Identifier: MIT
#include <string>

#include "run_example.hpp"

// Runs once for each connection, which is closed when it ends.
weft::task<> echo(weft::stream_reader reader, weft::stream_writer writer) {
  while (auto line = co_await reader.next()) {
    co_await writer.write("you said ", *line);
  }
}

weft::task<std::string> talk(unsigned port, std::string text) {
  auto [reader, writer] = co_await weft::open_connection("127.0.0.1", port);
  co_await writer.write(text, "\n");
  std::string answer = co_await reader.read_line();
  writer.write_eof();
  const std::string rest = co_await reader.read();
  co_return answer + (rest.empty() ? "(the end)" : rest);
}

weft::task<> async_main() {
  weft::server server = co_await weft::start_server(echo, "127.0.0.1", 0);  // the system chooses a port
  const unsigned port = server.addresses().front().port();

  auto [a, b, c] = co_await weft::gather(talk(port, "hello"), talk(port, "how are you"), talk(port, "goodbye"));
  fmt::print("{}\n{}\n{}\n", a, b, c);

  server.close();
  co_await server.wait_closed();  // for the connections, too
  fmt::print("closed\n");
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
