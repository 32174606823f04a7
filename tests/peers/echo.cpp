// Sends back what it gets, over TCP, a unix socket and UDP at once, until its standard input ends. For peers.sh.
// SPDX-License-Identifier: MIT
//
//     weft_echo PATH         prints "tcp PORT" and "udp PORT"; the unix socket is at PATH
#include <unistd.h>
#include <array>
#include <cstdio>
#include <string>
#include <weft/weft.hpp>

weft::task<> echo_stream(weft::stream_reader reader, weft::stream_writer writer) {
  std::array<char, 65536> buffer;
  while (true) {
    const std::size_t n = co_await reader.read_some(buffer);
    if (n == 0) break;
    co_await writer.write(std::string_view(buffer.data(), n));
  }
}

weft::task<> echo_datagrams(weft::datagram_socket& socket) {
  std::array<char, 65536> buffer;
  while (true) {
    const weft::datagram got = co_await socket.receive_from(buffer);
    co_await socket.send_to(std::string_view(buffer.data(), got.size), got.from);
  }
}

weft::task<> serve(const std::string path) {
  const weft::server tcp = co_await weft::start_server(echo_stream, "127.0.0.1", 0);
  const weft::server unix_server = co_await weft::start_unix_server(echo_stream, path);
  weft::datagram_socket udp = weft::datagram_socket::bind(weft::socket_address::ip("127.0.0.1", 0));
  auto datagrams = weft::create_task(echo_datagrams(udp));
  std::printf("tcp %u\nudp %u\n", tcp.addresses().front().port(), udp.local_address().port());
  std::fflush(stdout);

  weft::stream_reader until_closed = weft::open_reader(::dup(STDIN_FILENO));
  co_await until_closed.read();
  datagrams.cancel();
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  weft::run(serve(argv[1]));
}
