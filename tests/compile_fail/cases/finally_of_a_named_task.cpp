// A task that has a name is the body of a finally without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task or an operation is started once, as an rvalue: write std::move\(the_task\)
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/finally.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
  auto mine = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::finally(std::move(mine), answer);
#else
  co_await weft::finally(mine, answer);
#endif
}
