// A temporary lambda with a unique_ptr in it is waited for until a point in time.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/clock.hpp>
#include <weft/core/task.hpp>
#include <weft/time/wait_for.hpp>

weft::task<> count(int) { co_return; }

weft::task<> use(weft::time_point when, std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const auto count_owned = [&] { return count(*number); };
  co_await weft::wait_until(count_owned, when);
#else
  co_await weft::wait_until([number = std::move(number)] { return count(*number); }, when);
#endif
}
