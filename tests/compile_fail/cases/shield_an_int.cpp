// Something that is no task is shielded.
// SPDX-License-Identifier: MIT
//
// expect: weft: only tasks, functions that return one, task handles and weft's own operations can be waited for
#include <weft/core/task.hpp>
#include <weft/flow/shield.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::shield(answer());
#else
  co_await weft::shield(42);
#endif
}
