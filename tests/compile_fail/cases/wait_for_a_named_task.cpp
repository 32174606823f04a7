// A task that has a name is waited for without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task or an operation is started once, as an rvalue: write std::move\(the_task\)
#include <chrono>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/time/wait_for.hpp>

using namespace std::chrono_literals;

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
  auto mine = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::wait_for(std::move(mine), 1s);
#else
  co_await weft::wait_for(mine, 1s);
#endif
}
