// What mutex::lock() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: lock\(\) does nothing until it is awaited: write auto lock = co_await m\.lock\(\)
#include <weft/core/task.hpp>
#include <weft/sync/mutex.hpp>

weft::task<> use(weft::mutex& m) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto lock = co_await m.lock();
#else
  m.lock();
#endif
  co_return;
}
