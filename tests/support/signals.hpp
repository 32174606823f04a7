// Sends signals to the test itself, and looks at what they do.
// SPDX-License-Identifier: MIT
//
//     const weft_test::former_effect unchanged(SIGUSR1);     // checks at its end
//     weft_test::send(SIGUSR1);
#pragma once

#include "support/catch.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace weft_test {

using disposition = void (*)(int);

/// What a signal does now; for a handler with three arguments, its address.
inline disposition disposition_of(int number) {
  struct sigaction action {};
  if (::sigaction(number, nullptr, &action) != 0) throw std::system_error(errno, std::generic_category(), "sigaction");
  return action.sa_handler;
}

/// To the process, as from outside. A single thread has it when this returns.
inline void send(int number) {
  if (::kill(::getpid(), number) != 0) throw std::system_error(errno, std::generic_category(), "kill");
}

/// Checks that a signal does at the end of a test what it did before.
class former_effect {
 public:
  explicit former_effect(int number) : number_(number), before_(disposition_of(number)) {}
  former_effect(const former_effect&) = delete;
  former_effect& operator=(const former_effect&) = delete;
  ~former_effect() { CHECK(disposition_of(number_) == before_); }

  bool taken_over() const { return disposition_of(number_) != before_; }

 private:
  int number_;
  disposition before_;
};

}  // namespace weft_test
