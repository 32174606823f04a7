// A task that has a name races without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: tasks and operations are gathered once, as rvalues: write std::move\(the_task\)
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/race.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
  auto mine = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::race(answer(), std::move(mine));
#else
  co_await weft::race(answer(), mine);
#endif
}
