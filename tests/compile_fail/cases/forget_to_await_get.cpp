// What queue::get() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: get\(\) does nothing until it is awaited: write co_await q\.get\(\)
#include <weft/core/task.hpp>
#include <weft/sync/queue.hpp>

weft::task<> use(weft::queue<int>& q) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await q.get();
#else
  q.get();
#endif
  co_return;
}
