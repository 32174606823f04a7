// Two connected descriptors: something becomes readable when a test writes to it.
// SPDX-License-Identifier: MIT
#pragma once

#include <weft/detail/unique_fd.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace weft_test {

/// Throws std::system_error where a system call fails.
class channel {
 public:
  enum kind { pipe, sockets };

  explicit channel(kind k = pipe) {
    int ends[2];
    check((k == pipe ? ::pipe(ends) : ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) == 0, "pipe");
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }

  void send() const { check(::write(writer.get(), "x", 1) == 1, "write"); }
  void receive() const {
    char c;
    check(::read(reader.get(), &c, 1) == 1, "read");
  }

  weft::detail::unique_fd reader;
  weft::detail::unique_fd writer;

 private:
  static void check(bool ok, const char* call) {
    if (!ok) throw std::system_error(errno, std::generic_category(), call);
  }
};

}  // namespace weft_test
