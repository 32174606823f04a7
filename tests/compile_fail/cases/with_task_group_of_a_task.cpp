// The body of a task group is given as a task.
// SPDX-License-Identifier: MIT
//
// expect: weft: the body of a task group is a function that takes a weft::task_group& and returns a task
#include <weft/core/task.hpp>
#include <weft/flow/task_group.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_task_group([](weft::task_group&) { return work(); });
#else
  co_await weft::with_task_group(work());
#endif
}
