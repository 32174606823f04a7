// W9: a TCP server that sends back what it is sent, 50 connections. Nothing but the system calls.
// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "../support/echo_client.hpp"
#include "../support/measure.hpp"

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listening, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listening, 100) != 0) return 1;
  ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
  bench::echo_client client(ntohs(address.sin_port), m.ops());
  const int epoll = ::epoll_create1(0);
  for (std::uint64_t i = 0; i < bench::connections; ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK);
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
  }
  std::array<epoll_event, 256> events;
  std::array<char, 4096> data;
  for (std::uint64_t open = bench::connections; open > 0;) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      const ssize_t n = ::recv(fd, data.data(), data.size(), 0);
      if (n > 0) {
        if (::send(fd, data.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) return 1;
      } else {
        ::close(fd);
        --open;
      }
    }
  }
  m.end();
  return m.report(client.was_content());
}
