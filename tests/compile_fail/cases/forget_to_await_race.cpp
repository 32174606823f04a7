// What race() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a race starts nothing until it is awaited: write co_await weft::race\(\.\.\.\)
#include <weft/core/task.hpp>
#include <weft/flow/race.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::race(work(), work());
#else
  weft::race(work(), work());
#endif
  co_return;
}
