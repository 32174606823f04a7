// What finally() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/flow/finally.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::finally(work(), work);
#else
  weft::finally(work(), work);
#endif
  co_return;
}
