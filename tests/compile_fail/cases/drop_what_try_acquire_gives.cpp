// The permit that try_acquire() gives is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: the permit is given back at once; keep what acquire\(\) returns: auto permit = co_await s\.acquire\(\)
#include <weft/core/task.hpp>
#include <weft/sync/semaphore.hpp>

weft::task<> use(weft::semaphore& s) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto permit = s.try_acquire();
#else
  s.try_acquire();
#endif
  co_return;
}
