// What queue::put() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: put\(\) does nothing until it is awaited: write co_await q\.put\(item\)
#include <weft/core/task.hpp>
#include <weft/sync/queue.hpp>

weft::task<> use(weft::queue<int>& q) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await q.put(7);
#else
  q.put(7);
#endif
  co_return;
}
