// An async generator is awaited as if it were a task.
// SPDX-License-Identifier: MIT
//
// expect: weft: this cannot be awaited in a weft task: only tasks, task handles and weft's own operations can
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>

weft::async_generator<int> one() { co_yield 1; }

weft::task<int> use() {
  int sum = 0;
  auto generator = one();
#ifdef WEFT_COMPILE_FAIL_FIXED
  while (auto item = co_await generator.next()) sum += *item;
#else
  co_await generator;
#endif
  co_return sum;
}
