// Ends a test that hangs: for tests in which real time passes, descriptors are waited for or a loop might spin for
// ever.
// SPDX-License-Identifier: MIT
//
// By SIGALRM, which kills the program: a system call that never returns cannot be left in any gentler way.
//
//     const weft_test::time_limit limit(10);
#pragma once

#include <unistd.h>

namespace weft_test {

class time_limit {
 public:
  explicit time_limit(unsigned seconds = 30) noexcept { ::alarm(seconds); }
  time_limit(const time_limit&) = delete;
  time_limit& operator=(const time_limit&) = delete;
  ~time_limit() { ::alarm(0); }
};

}  // namespace weft_test
