// datagram_socket: a UDP server that answers in capitals, and clients that ask it with a time limit.
// SPDX-License-Identifier: MIT
#include <array>
#include <cctype>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>

#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> serve(weft::datagram_socket& socket) {
  std::array<char, 1500> buffer;
  for (;;) {
    const weft::datagram question = co_await socket.receive_from(buffer);
    std::string answer(buffer.data(), question.size);
    for (char& c : answer) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    co_await socket.send_to(answer, question.from);
  }
}

weft::task<std::string> ask(weft::socket_address server, std::string question) {
  auto socket = weft::datagram_socket::connect(server);  // only what the server sends arrives
  co_await socket.send(question);
  co_return co_await weft::with_timeout(5s, socket.receive());  // datagrams may get lost
}

weft::task<> async_main() {
  auto socket = weft::datagram_socket::bind(weft::socket_address::ip("127.0.0.1", 0));
  const weft::socket_address here = socket.local_address();
  auto server = weft::create_task(serve(socket));

  const auto [a, b] = co_await weft::gather(ask(here, "hello"), ask(here, "is anybody there?"));
  fmt::print("{}\n{}\n", a, b);

  server.cancel();
  socket.close();
  try {
    co_await ask(here, "still there?");
  } catch (const std::system_error& e) {
    fmt::print("nobody is: {}\n", e.code().message());
  }
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
