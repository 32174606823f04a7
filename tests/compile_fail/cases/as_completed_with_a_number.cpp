// as_completed()'s limit is given as a number, as in Python.
// SPDX-License-Identifier: MIT
//
// expect: weft: a delay has a unit: write 1s or 0\.5s, after using namespace std::chrono_literals
#include <chrono>
#include <vector>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/as_completed.hpp>

using namespace std::chrono_literals;

weft::task<> use(const std::vector<weft::task_ref>& tasks) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto results = weft::as_completed(tasks, 1s);
  co_await results.next();
#else
  auto results = weft::as_completed(tasks, 1);
  co_await results.next();
#endif
}
