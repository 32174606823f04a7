// The lock of a condition variable's mutex is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: the mutex is released at once; keep what lock\(\) returns: auto lock = co_await m\.lock\(\)
// only: clang++
#include <weft/core/task.hpp>
#include <weft/sync/condition_variable.hpp>

weft::task<> use(weft::condition_variable& c) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto lock = co_await c.lock();
#else
  co_await c.lock();
#endif
  co_return;
}
