// What close() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: close\(\) does nothing until it is awaited: write co_await generator.close\(\)
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>

weft::task<> use(weft::async_generator<int> generator) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await generator.close();
#else
  generator.close();
#endif
  co_return;
}
