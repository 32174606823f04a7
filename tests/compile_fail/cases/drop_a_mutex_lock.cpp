// The lock that co_await m.lock() gives is dropped: the mutex is free again.
// SPDX-License-Identifier: MIT
//
// expect: weft: the mutex is released at once; keep what lock\(\) returns: auto lock = co_await m\.lock\(\)
// only: clang++
#include <weft/core/task.hpp>
#include <weft/sync/mutex.hpp>

weft::task<> use(weft::mutex& m) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto lock = co_await m.lock();
#else
  co_await m.lock();
#endif
  co_return;
}
