// What wait_for() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/wait_for.hpp>

using namespace std::chrono_literals;

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::wait_for(work(), 1s);
#else
  weft::wait_for(work(), 1s);
#endif
  co_return;
}
