// A task that has a name gets a time limit without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task or an operation is started once, as an rvalue: write std::move\(the_task\)
#include <chrono>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/time/with_timeout.hpp>

using namespace std::chrono_literals;

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
  auto mine = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_timeout(1s, std::move(mine));
#else
  co_await weft::with_timeout(1s, mine);
#endif
}
