// How long to wait is given as a number, as in Python.
// SPDX-License-Identifier: MIT
//
// expect: weft: a delay has a unit: write 1s or 0\.5s, after using namespace std::chrono_literals
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/wait_for.hpp>

using namespace std::chrono_literals;

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::wait_for(work(), 1s);
#else
  co_await weft::wait_for(work(), 1);
#endif
}
