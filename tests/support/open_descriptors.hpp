// How many descriptors this process has open: for tests that none is left.
// SPDX-License-Identifier: MIT
//
//     const weft_test::open_descriptors before;
//     { ... }
//     CHECK(before.unchanged());
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

namespace weft_test {

class open_descriptors {
 public:
  open_descriptors() noexcept : count_(count()) {}

  bool unchanged() const noexcept { return count() == count_; }

  static int count() noexcept {
    rlimit most{};
    ::getrlimit(RLIMIT_NOFILE, &most);
    const int end = most.rlim_cur < 1024 ? static_cast<int>(most.rlim_cur) : 1024;  // tests open few
    int open = 0;
    for (int fd = 0; fd < end; ++fd) open += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
    return open;
  }

 private:
  int count_;
};

}  // namespace weft_test
