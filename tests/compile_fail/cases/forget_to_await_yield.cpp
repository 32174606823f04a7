// What yield() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: yield\(\) does nothing until it is awaited: write co_await weft::yield\(\)
#include <weft/core/task.hpp>
#include <weft/sync/yield.hpp>

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::yield();
#else
  weft::yield();
#endif
  co_return;
}
