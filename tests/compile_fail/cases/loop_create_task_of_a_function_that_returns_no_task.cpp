// A plain function is given to a loop as a task.
// SPDX-License-Identifier: MIT
//
// expect: weft: only a task can be started, or a function that returns one when called with the arguments
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

void use(weft::event_loop& loop) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  loop.create_task([] { return answer(); });
#else
  loop.create_task([] { return 42; });
#endif
}
