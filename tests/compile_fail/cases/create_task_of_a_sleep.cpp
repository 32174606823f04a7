// An operation is started as a task.
// SPDX-License-Identifier: MIT
//
// expect: weft: only a task can be started: co_await this in a coroutine, and start that coroutine
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/time/sleep.hpp>

using namespace std::chrono_literals;

weft::task<> nap() { co_await weft::sleep_for(1s); }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto handle = weft::create_task(nap());
#else
  auto handle = weft::create_task(weft::sleep_for(1s));
#endif
  co_await handle;
}
