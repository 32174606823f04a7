// Tasks are awaited through references to const.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task is awaited once: drop its const, and write co_await std::move\(the_task\)
#include <utility>
#include <vector>
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use(std::vector<weft::task<int>> tasks) {
  int sum = 0;
#ifdef WEFT_COMPILE_FAIL_FIXED
  for (auto& t : tasks) sum += co_await std::move(t);
#else
  for (const auto& t : tasks) sum += co_await t;
#endif
  co_return sum;
}
