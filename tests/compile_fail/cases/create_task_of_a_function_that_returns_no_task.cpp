// A plain function is started as a task.
// SPDX-License-Identifier: MIT
//
// expect: weft: only a task can be started, or a function that returns one when called with the arguments
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto handle = weft::create_task([] { return answer(); });
#else
  auto handle = weft::create_task([] { return 42; });
#endif
  co_return co_await handle;
}
