// Fails a test that leaves a descriptor open, a child process running or a zombie.
// SPDX-License-Identifier: MIT
//
//     const weft_test::nothing_left_behind check;       // first of all, so that it looks last
#pragma once

#include "support/catch.hpp"
#include "support/open_descriptors.hpp"

#include <sys/wait.h>

#include <cerrno>

namespace weft_test {

/// Whether there is a child, running or a zombie.
inline bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

class nothing_left_behind {
 public:
  nothing_left_behind() : descriptors_(count_descriptors()) {}
  nothing_left_behind(const nothing_left_behind&) = delete;
  nothing_left_behind& operator=(const nothing_left_behind&) = delete;
  ~nothing_left_behind() {
    CHECK_FALSE(has_children());
    CHECK(count_descriptors() == descriptors_);
  }

 private:
  int descriptors_;
};

}  // namespace weft_test
