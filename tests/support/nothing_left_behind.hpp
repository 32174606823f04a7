// Fails a test that leaves a descriptor open, a child process running or a zombie.
// SPDX-License-Identifier: MIT
//
//     const weft_test::nothing_left_behind check;       // first of all, so that it looks last
#pragma once

#include "support/catch.hpp"

#include <dirent.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstddef>

namespace weft_test {

/// How many descriptors this process has.
inline std::size_t open_descriptors() {
  DIR* const folder = ::opendir("/dev/fd");
  if (folder == nullptr) return 0;
  std::size_t n = 0;
  while (::readdir(folder) != nullptr) ++n;
  ::closedir(folder);
  return n - 3;  // ".", ".." and the folder itself
}

/// Whether there is a child, running or a zombie.
inline bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

class nothing_left_behind {
 public:
  nothing_left_behind() : descriptors_(open_descriptors()) {}
  nothing_left_behind(const nothing_left_behind&) = delete;
  nothing_left_behind& operator=(const nothing_left_behind&) = delete;
  ~nothing_left_behind() {
    CHECK_FALSE(has_children());
    CHECK(open_descriptors() == descriptors_);
  }

 private:
  std::size_t descriptors_;
};

}  // namespace weft_test
