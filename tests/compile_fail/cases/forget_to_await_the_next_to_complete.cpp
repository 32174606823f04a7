// What as_completed()'s next() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: next\(\) does nothing until it is awaited: write co_await results\.next\(\)
#include <vector>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/as_completed.hpp>

weft::task<> use(const std::vector<weft::task_ref>& tasks) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto results = weft::as_completed(tasks);
  co_await results.next();
#else
  auto results = weft::as_completed(tasks);
  results.next();
#endif
  co_return;
}
