// What next() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: next\(\) does nothing until it is awaited: write co_await generator.next\(\)
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>

weft::task<> use(weft::async_generator<int> generator) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await generator.next();
#else
  generator.next();
#endif
  co_return;
}
