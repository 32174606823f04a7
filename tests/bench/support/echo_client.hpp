// The other side of the TCP echo: a process of its own, so that its work is not counted.
// SPDX-License-Identifier: MIT
//
// It opens `connections` connections to a port of loopback, sends a message on each, reads the answers, and so on until
// `ops` messages were answered. The server sees as many requests at once as there are connections.
//
//     bench::echo_client client(port, m.ops());
//     ...                                          // until all connections have been closed by the client
//     return m.report(client.was_content());
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "measure.hpp"

namespace bench {

inline constexpr std::uint64_t connections = 50;
inline constexpr std::size_t message_size = 64;

class echo_client {
 public:
  echo_client(unsigned port, std::uint64_t ops) : child_(::fork()) {
    if (child_ != 0) return;
    CALLGRIND_STOP_INSTRUMENTATION;
    ::_exit(run(port, ops) ? 0 : 1);
  }
  echo_client(const echo_client&) = delete;
  echo_client& operator=(const echo_client&) = delete;

  /// Whether it was answered rightly to the end; waits for it.
  bool was_content() {
    int status = 1;
    return child_ > 0 && ::waitpid(child_, &status, 0) == child_ && status == 0;
  }

 private:
  static int connect_to(unsigned port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const int yes = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
  }

  static bool receive(int fd, std::array<char, message_size>& message) {
    std::size_t got = 0;
    while (got < message.size()) {
      const ssize_t n = ::recv(fd, message.data() + got, message.size() - got, 0);
      if (n <= 0) return false;
      got += static_cast<std::size_t>(n);
    }
    return true;
  }

  static bool run(unsigned port, std::uint64_t ops) {
    std::array<int, connections> fds{};
    for (int& fd : fds) {
      fd = connect_to(port);
      if (fd < 0) return false;
    }
    std::array<char, message_size> request{};
    std::array<char, message_size> answer{};
    for (std::uint64_t done = 0; done < ops;) {
      const std::uint64_t now = ops - done < connections ? ops - done : connections;
      for (std::uint64_t i = 0; i < now; ++i) {
        std::memset(request.data(), static_cast<char>(done + i), request.size());
        if (::send(fds[i], request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
          return false;
      }
      for (std::uint64_t i = 0; i < now; ++i) {
        std::memset(request.data(), static_cast<char>(done + i), request.size());
        if (!receive(fds[i], answer) || answer != request) return false;
      }
      done += now;
    }
    return true;
  }

  int child_;
};

}  // namespace bench
