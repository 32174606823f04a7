// A generator is made of a temporary lambda with a unique_ptr in it.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/flow/generator.hpp>

weft::generator<int> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const auto one = [](const std::unique_ptr<int>& n) -> weft::generator<int> { co_yield *n; };
  co_yield weft::elements_of(weft::make_generator(one, std::move(number)));
#else
  co_yield weft::elements_of(
      weft::make_generator([number = std::move(number)]() -> weft::generator<int> { co_yield *number; }));
#endif
}
