// What with_timeout_at() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a body with a time limit does nothing until it is awaited: write co_await with_timeout\(\.\.\.\)
#include <weft/core/clock.hpp>
#include <weft/core/task.hpp>
#include <weft/time/with_timeout.hpp>

weft::task<> work() { co_return; }

weft::task<> use(weft::time_point when) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_timeout_at(when, work());
#else
  weft::with_timeout_at(when, work());
#endif
  co_return;
}
