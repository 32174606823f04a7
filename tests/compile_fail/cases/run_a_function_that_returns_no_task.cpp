// A plain function is run.
// SPDX-License-Identifier: MIT
//
// expect: weft: only a task can be started, or a function that returns one when called with the arguments
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

int use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  return weft::run([] { return answer(); });
#else
  return weft::run([] { return 42; });
#endif
}
