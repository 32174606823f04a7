// What with_closing() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/with_closing.hpp>

weft::async_generator<int> one() { co_yield 1; }
weft::task<> body(weft::async_generator<int>&) { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_closing(one(), body);
#else
  weft::with_closing(one(), body);
#endif
  co_return;
}
