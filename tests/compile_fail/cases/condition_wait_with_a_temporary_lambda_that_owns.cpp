// A temporary lambda with a unique_ptr in it is the predicate of a wait.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/sync/condition_variable.hpp>

weft::task<> use(weft::condition_variable& c, std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await c.wait([&] { return *number == 1; });
#else
  co_await c.wait([number = std::move(number)] { return *number == 1; });
#endif
}
