// Runs a function in a forked child: for what would kill the tests, or change their limits, descriptors or signals for
// good.
// SPDX-License-Identifier: MIT
//
//     CHECK(weft_test::in_child([] { return 0; }) == 0);
//
// Catch2's macros have no effect on the parent's result there: return a number that says which step went wrong.
#pragma once

#include "support/time_limit.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <initializer_list>

namespace weft_test {

constexpr int child_threw = 99;

/// What fn returns (0 to 98), 99 if it throws, 128 + N if signal N ends it. In the child all signals that Catch2
/// handles have their default effect again, and a child that hangs is ended by SIGALRM.
template <class F>
int in_child(F fn) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return -1;
  if (child == 0) {
    for (int number : {SIGINT, SIGILL, SIGFPE, SIGSEGV, SIGTERM, SIGABRT}) ::signal(number, SIG_DFL);
    const time_limit limit(20);
    int result = child_threw;
    try {
      result = fn();
    } catch (...) {
    }
    std::fflush(nullptr);
    ::_exit(result);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace weft_test
