// The outcome of a task that has a name is asked for without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task or an operation is started once, as an rvalue: write std::move\(the_task\)
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/outcome_of.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
  auto mine = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::outcome_of(std::move(mine));
#else
  co_await weft::outcome_of(mine);
#endif
}
