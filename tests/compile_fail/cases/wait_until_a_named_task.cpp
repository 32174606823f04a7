// A task that has a name is waited for until a point in time without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task or an operation is started once, as an rvalue: write std::move\(the_task\)
#include <utility>
#include <weft/core/clock.hpp>
#include <weft/core/task.hpp>
#include <weft/time/wait_for.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<> use(weft::time_point when) {
  auto mine = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::wait_until(std::move(mine), when);
#else
  co_await weft::wait_until(mine, when);
#endif
}
