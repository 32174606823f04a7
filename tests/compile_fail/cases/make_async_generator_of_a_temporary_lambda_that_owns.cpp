// An async generator is made of a temporary lambda with a unique_ptr in it.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/async_generator.hpp>

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const auto one = [](const std::unique_ptr<int>& n) -> weft::async_generator<int> { co_yield *n; };
  co_await weft::make_async_generator(one, std::move(number)).next();
#else
  co_await weft::make_async_generator([number = std::move(number)]() -> weft::async_generator<int> {
    co_yield *number;
  }).next();
#endif
}
