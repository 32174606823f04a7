// A generator waits.
// SPDX-License-Identifier: MIT
//
// expect: weft: a generator cannot wait: no co_await in it; write a weft::async_generator<T>
#include <chrono>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/generator.hpp>
#include <weft/time/sleep.hpp>

using namespace std::chrono_literals;

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::async_generator<int> use() {
#else
weft::generator<int> use() {
#endif
  co_await weft::sleep_for(1s);
  co_yield 1;
}
