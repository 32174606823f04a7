// The period of an interval is given as a number.
// SPDX-License-Identifier: MIT
//
// expect: weft: a delay has a unit: write 1s or 0\.5s, after using namespace std::chrono_literals
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/interval.hpp>

using namespace std::chrono_literals;

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  weft::interval every(1s);
  co_await every.next();
#else
  weft::interval every(1);
  co_await every.next();
#endif
}
