// What tests of connections need around them: servers that answer, refuse, or never answer; a folder for unix sockets;
// a count of what is open.
// SPDX-License-Identifier: MIT
//
// All of it is plain system calls, without weft, and stays on this machine.
#pragma once

#include "support/open_descriptors.hpp"

#include <weft/detail/unique_fd.hpp>
#include <weft/io/socket_address.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace weft_test {

[[noreturn]] inline void fail_call(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

/// A socket that is bound to a port of its own and does not listen: who connects is refused.
class bound_socket {
 public:
  explicit bound_socket(const std::string& host = "127.0.0.1", unsigned port = 0, int flags = 0) {
    const auto wanted = weft::socket_address::ip(host, port);
    fd.reset(::socket(wanted.family(), SOCK_STREAM | flags, 0));
    const int one = 1;
    if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!fd || ::bind(fd.get(), wanted.data(), wanted.size()) != 0) fail_call("bind");
    address = weft::local_address(fd.get());
  }

  weft::detail::unique_fd fd;
  weft::socket_address address;
};

inline bool has_ipv6() {
  try {
    const bound_socket any("::1");
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

/// Connected, or about to be; null for a socket that cannot.
inline weft::detail::unique_fd connect_to(const weft::socket_address& to, int flags = 0) {
  weft::detail::unique_fd fd(::socket(to.family(), SOCK_STREAM | flags, 0));
  if (!fd) fail_call("socket");
  if (::connect(fd.get(), to.data(), to.size()) != 0 && errno != EINPROGRESS) fail_call("connect");
  return fd;
}

/// Listens, and accepts when it is told to.
class listener {
 public:
  explicit listener(const std::string& host = "127.0.0.1", unsigned port = 0, int backlog = 16)
      : bound_(host, port), address(bound_.address) {
    if (::listen(bound_.fd.get(), backlog) != 0) fail_call("listen");
  }

  /// Blocks.
  weft::detail::unique_fd accept() const {
    weft::detail::unique_fd fd(::accept(bound_.fd.get(), nullptr, nullptr));
    if (!fd) fail_call("accept");
    return fd;
  }
  int descriptor() const noexcept { return bound_.fd.get(); }

 private:
  bound_socket bound_;

 public:
  weft::socket_address address;
};

/// Its queue is full: the system drops what asks for a connection, which so gets no answer.
class silent_listener : public listener {
 public:
  explicit silent_listener(const std::string& host = "127.0.0.1", unsigned port = 0) : listener(host, port, 0) {
    for (int i = 0; i < 8; ++i) {
      waiting_.push_back(connect_to(address, SOCK_NONBLOCK));
      pollfd one{waiting_.back().get(), POLLOUT, 0};
      if (::poll(&one, 1, 50) == 0) return;
    }
    throw std::runtime_error("the queue of a listening socket does not fill up here");
  }

 private:
  std::vector<weft::detail::unique_fd> waiting_;
};

/// A folder that goes with what is in it.
class temporary_folder {
 public:
  temporary_folder() {
    char name[] = "/tmp/weft_test.XXXXXX";
    if (::mkdtemp(name) == nullptr) fail_call("mkdtemp");
    path_ = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    for (const std::string& name : names()) ::unlink((path_ + "/" + name).c_str());
    ::rmdir(path_.c_str());
  }

  std::string file(const std::string& name) const { return path_ + "/" + name; }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    DIR* const folder = ::opendir(path_.c_str());
    if (folder == nullptr) return all;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") all.emplace_back(name);
    }
    ::closedir(folder);
    return all;
  }

 private:
  std::string path_;
};

/// The value of a socket option that is a number.
inline int socket_option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, level, name, &value, &size) != 0) fail_call("getsockopt");
  return value;
}

/// So that it is reset instead of closed in good order.
inline void reset_when_closed(int fd) {
  const linger at_once{1, 0};
  if (::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) fail_call("setsockopt");
}

}  // namespace weft_test
