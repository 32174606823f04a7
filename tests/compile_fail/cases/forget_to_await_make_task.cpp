// What make_task() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::make_task(work);
#else
  weft::make_task(work);
#endif
  co_return;
}
