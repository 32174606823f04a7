// A generator yields what a task returns.
// SPDX-License-Identifier: MIT
//
// expect: weft: a generator cannot wait: no co_await in it; write a weft::async_generator<T>
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/generator.hpp>

weft::task<int> answer() { co_return 42; }

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::async_generator<int> use() {
#else
weft::generator<int> use() {
#endif
  co_yield co_await answer();
}
