// What sleep_for() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a sleep does nothing until it is awaited: write co_await weft::sleep_for\(...\)
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/sleep.hpp>

using namespace std::chrono_literals;

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::sleep_for(1s);
#else
  weft::sleep_for(1s);
#endif
  co_return;
}
