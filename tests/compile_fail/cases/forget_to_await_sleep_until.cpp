// What sleep_until() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a sleep does nothing until it is awaited
#include <weft/core/clock.hpp>
#include <weft/core/task.hpp>
#include <weft/time/sleep.hpp>

weft::task<> use(weft::time_point dawn) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::sleep_until(dawn);
#else
  weft::sleep_until(dawn);
#endif
  co_return;
}
