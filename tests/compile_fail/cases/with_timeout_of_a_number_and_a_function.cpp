// A time limit for a function is given as a number.
// SPDX-License-Identifier: MIT
//
// expect: weft: a delay has a unit: write 1s or 0\.5s, after using namespace std::chrono_literals
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/with_timeout.hpp>

using namespace std::chrono_literals;

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_timeout(1s, work);
#else
  co_await weft::with_timeout(1, work);
#endif
}
