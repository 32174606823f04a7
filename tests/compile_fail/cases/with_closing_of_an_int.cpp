// with_closing() is given something that has no close().
// SPDX-License-Identifier: MIT
//
// expect: weft: with_closing\(\) needs something with a close\(\) that can be awaited
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/with_closing.hpp>

weft::async_generator<int> one() { co_yield 1; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_closing(one(), [](weft::async_generator<int>&) -> weft::task<> { co_return; });
#else
  co_await weft::with_closing(1, [](int&) -> weft::task<> { co_return; });
#endif
}
