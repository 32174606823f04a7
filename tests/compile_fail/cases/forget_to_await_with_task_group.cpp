// What with_task_group() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/flow/task_group.hpp>

weft::task<> body(weft::task_group&) { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_task_group(body);
#else
  weft::with_task_group(body);
#endif
  co_return;
}
