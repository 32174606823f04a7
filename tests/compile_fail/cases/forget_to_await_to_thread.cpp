// What to_thread() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: no function is called until this is awaited: write co_await to_thread\(...\)
#include <weft/core/task.hpp>
#include <weft/threads/to_thread.hpp>

int work() { return 1; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::to_thread(work);
#else
  weft::to_thread(work);
#endif
  co_return;
}
