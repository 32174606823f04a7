// The lock that try_lock() gives is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: the mutex is released at once; keep what lock\(\) returns: auto lock = co_await m\.lock\(\)
#include <weft/core/task.hpp>
#include <weft/sync/mutex.hpp>

weft::task<> use(weft::mutex& m) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto lock = m.try_lock();
#else
  m.try_lock();
#endif
  co_return;
}
