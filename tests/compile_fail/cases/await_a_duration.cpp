// A duration is awaited, not a sleep.
// SPDX-License-Identifier: MIT
//
// expect: weft: this cannot be awaited in a weft task: only tasks, task handles and weft's own operations can
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/sleep.hpp>

using namespace std::chrono_literals;

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::sleep_for(10ms);
#else
  co_await 10ms;
#endif
}
