// A callback's delay is given as a number, as in Python.
// SPDX-License-Identifier: MIT
//
// expect: weft: a delay has a unit: write 1s or 0.5s, after using namespace std::chrono_literals
#include <chrono>
#include <weft/core/event_loop.hpp>

using namespace std::chrono_literals;

void use(weft::event_loop& loop) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  loop.call_later(1s, [] {});
#else
  loop.call_later(1, [] {});
#endif
}
