// A number is awaited.
// SPDX-License-Identifier: MIT
//
// expect: weft: this cannot be awaited in a weft task: only tasks, task handles and weft's own operations can
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  int a = co_await answer();
#else
  int a = co_await 42;
#endif
  co_return a;
}
