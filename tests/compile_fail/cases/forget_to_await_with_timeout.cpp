// What with_timeout() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a body with a time limit does nothing until it is awaited: write co_await with_timeout\(\.\.\.\)
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/with_timeout.hpp>

using namespace std::chrono_literals;

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_timeout(1s, work());
#else
  weft::with_timeout(1s, work());
#endif
  co_return;
}
