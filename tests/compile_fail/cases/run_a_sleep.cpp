// An operation is run.
// SPDX-License-Identifier: MIT
//
// expect: weft: only a task can be started: co_await this in a coroutine, and start that coroutine
#include <chrono>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/time/sleep.hpp>

using namespace std::chrono_literals;

weft::task<> nap() { co_await weft::sleep_for(1s); }

void use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  weft::run(nap());
#else
  weft::run(weft::sleep_for(1s));
#endif
}
