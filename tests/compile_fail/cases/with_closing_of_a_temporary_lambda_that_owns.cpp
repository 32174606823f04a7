// The body of a with_closing() is a temporary lambda with a unique_ptr in it.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/with_closing.hpp>

weft::async_generator<int> one() { co_yield 1; }

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const auto count = [&](weft::async_generator<int>& g) -> weft::task<> {
    while (auto n = co_await g.next()) *number += *n;
  };
  co_await weft::with_closing(one(), count);
#else
  co_await weft::with_closing(one(), [number = std::move(number)](weft::async_generator<int>& g) -> weft::task<> {
    while (auto n = co_await g.next()) *number += *n;
  });
#endif
}
