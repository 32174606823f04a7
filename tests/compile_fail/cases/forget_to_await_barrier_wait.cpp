// What barrier::wait() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/sync/barrier.hpp>

weft::task<> use(weft::barrier& b) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await b.wait();
#else
  b.wait();
#endif
  co_return;
}
