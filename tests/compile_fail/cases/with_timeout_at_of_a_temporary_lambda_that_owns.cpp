// A temporary lambda with a unique_ptr in it, which takes the scope, gets a time limit.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/clock.hpp>
#include <weft/core/task.hpp>
#include <weft/time/with_timeout.hpp>

weft::task<> count(int) { co_return; }

weft::task<> use(weft::time_point when, std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const auto count_owned = [&](weft::timeout_scope&) { return count(*number); };
  co_await weft::with_timeout_at(when, count_owned);
#else
  co_await weft::with_timeout_at(when, [number = std::move(number)](weft::timeout_scope&) { return count(*number); });
#endif
}
