// What interval::next() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/time/interval.hpp>

weft::task<> use(weft::interval& every) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await every.next();
#else
  every.next();
#endif
  co_return;
}
