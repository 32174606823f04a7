// as_completed() is given tasks that were not started.
// SPDX-License-Identifier: MIT
//
// expect: weft: this takes handles of running tasks: start them with create_task\(\)
#include <vector>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/as_completed.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  std::vector<weft::task_handle<>> tasks(1, weft::create_task(work()));
  auto results = weft::as_completed(tasks);
  co_await results.next();
#else
  std::vector<weft::task<>> tasks(1);
  auto results = weft::as_completed(tasks);
  co_await results.next();
#endif
}
