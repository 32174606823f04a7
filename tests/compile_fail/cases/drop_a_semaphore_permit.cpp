// The permit that co_await s.acquire() gives is dropped: it is free again.
// SPDX-License-Identifier: MIT
//
// expect: weft: the permit is given back at once; keep what acquire\(\) returns: auto permit = co_await s\.acquire\(\)
// only: clang++
#include <weft/core/task.hpp>
#include <weft/sync/semaphore.hpp>

weft::task<> use(weft::semaphore& s) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto permit = co_await s.acquire();
#else
  co_await s.acquire();
#endif
  co_return;
}
