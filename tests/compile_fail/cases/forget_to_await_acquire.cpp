// What semaphore::acquire() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: acquire\(\) does nothing until it is awaited: write auto permit = co_await s\.acquire\(\)
#include <weft/core/task.hpp>
#include <weft/sync/semaphore.hpp>

weft::task<> use(weft::semaphore& s) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto permit = co_await s.acquire();
#else
  s.acquire();
#endif
  co_return;
}
