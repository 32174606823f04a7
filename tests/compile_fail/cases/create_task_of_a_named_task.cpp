// A task that has a name is started without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task is started once, as an rvalue: write std::move\(the_task\)
#include <utility>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
  weft::task<> the_task = work();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::create_task(std::move(the_task), "name");
#else
  co_await weft::create_task(the_task, "name");
#endif
}
