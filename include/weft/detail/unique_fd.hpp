// A file descriptor with one owner: closed exactly once.
// SPDX-License-Identifier: MIT
//
//     weft::detail::unique_fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
//     if (!fd) throw std::system_error(errno, std::generic_category(), "open");
#pragma once

#include <unistd.h>

#include <utility>

namespace weft::detail {

class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~unique_fd() { reset(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes what it held. An error of close() is not one that a caller could act on: the descriptor is gone in any
  /// case.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace weft::detail
