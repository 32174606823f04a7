// The body of a with_closing() is a task, not a function.
// SPDX-License-Identifier: MIT
//
// expect: weft: the body of with_closing\(\) is a function that takes a reference to what is closed and returns a task
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/with_closing.hpp>

weft::async_generator<int> one() { co_yield 1; }
weft::task<> body(weft::async_generator<int>&) { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_closing(one(), body);
#else
  auto numbers = one();
  co_await weft::with_closing(numbers, body(numbers));
#endif
}
