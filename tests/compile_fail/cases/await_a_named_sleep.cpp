// An operation that has a name is awaited without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: an operation is awaited once, as an rvalue: await it where you make it, or co_await std::move\(it\)
#include <chrono>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/time/sleep.hpp>

using namespace std::chrono_literals;

weft::task<> use() {
  auto nap = weft::sleep_for(1s);
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await std::move(nap);
#else
  co_await nap;
#endif
}
