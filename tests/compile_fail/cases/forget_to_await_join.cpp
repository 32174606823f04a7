// What queue::join() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: join\(\) does nothing until it is awaited: write co_await q\.join\(\)
#include <weft/core/task.hpp>
#include <weft/sync/queue.hpp>

weft::task<> use(weft::queue<int>& q) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await q.join();
#else
  q.join();
#endif
  co_return;
}
