// A coroutine is awaited without being called.
// SPDX-License-Identifier: MIT
//
// expect: weft: a function cannot be awaited, only what it returns: write co_await f\(\)
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return co_await answer();
#else
  co_return co_await answer;
#endif
}
