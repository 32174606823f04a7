// The clean-up is given as a task, which would be destroyed where the body ends badly.
// SPDX-License-Identifier: MIT
//
// expect: weft: the clean-up is a function that returns a task
#include <weft/core/task.hpp>
#include <weft/flow/finally.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::finally(work(), work);
#else
  co_await weft::finally(work(), work());
#endif
}
