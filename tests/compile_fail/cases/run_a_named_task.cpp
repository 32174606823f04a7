// A task that has a name is run without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task is started once, as an rvalue: write std::move\(the_task\)
#include <utility>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

int use() {
  weft::task<int> the_task = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  return weft::run(std::move(the_task));
#else
  return weft::run(the_task);
#endif
}
