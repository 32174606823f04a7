// What wait() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: wait\(\) does nothing until it is awaited: write co_await wait\(\.\.\.\)
#include <vector>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/wait.hpp>

weft::task<> use(const std::vector<weft::task_ref>& tasks) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::wait(tasks);
#else
  weft::wait(tasks);
#endif
  co_return;
}
