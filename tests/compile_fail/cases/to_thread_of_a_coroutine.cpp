// A coroutine is given to to_thread(), where it would be made in another thread and never run.
// SPDX-License-Identifier: MIT
//
// expect: weft: a coroutine runs on a loop, not in a pool's thread: give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/threads/to_thread.hpp>

weft::task<int> work() { co_return 1; }
int blocking_work() { return 1; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::to_thread(blocking_work);
#else
  static_cast<void>(co_await weft::to_thread(work));
#endif
}
