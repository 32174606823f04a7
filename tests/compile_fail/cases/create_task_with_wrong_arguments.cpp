// A function is started with arguments that it does not take.
// SPDX-License-Identifier: MIT
//
// expect: weft: only a task can be started, or a function that returns one when called with the arguments
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>

weft::task<int> twice(int number) { co_return 2 * number; }

weft::task<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto handle = weft::create_task(twice, 21);
#else
  auto handle = weft::create_task(twice, nullptr);
#endif
  co_return co_await handle;
}
