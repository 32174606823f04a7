// A task that has a name is given to a loop without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task is started once, as an rvalue: write std::move\(the_task\)
#include <utility>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

int use(weft::event_loop& loop) {
  weft::task<int> the_task = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  return loop.run_until_complete(std::move(the_task));
#else
  return loop.run_until_complete(the_task);
#endif
}
