// A lambda is awaited without being called.
// SPDX-License-Identifier: MIT
//
// expect: weft: a function cannot be awaited, only what it returns: write co_await f\(\)
#include <weft/core/task.hpp>

weft::task<int> use() {
  auto answer = []() -> weft::task<int> { co_return 42; };
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return co_await answer();
#else
  co_return co_await answer;
#endif
}
