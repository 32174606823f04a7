// A task that has a name is awaited without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task is awaited once, as an rvalue: write co_await std::move\(the_task\)
#include <utility>
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use() {
  weft::task<int> the_task = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return co_await std::move(the_task);
#else
  co_return co_await the_task;
#endif
}
