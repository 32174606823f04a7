// The outcome of a temporary lambda with a unique_ptr in it is asked for.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/outcome_of.hpp>

weft::task<> count(int) { co_return; }

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const auto count_owned = [&] { return count(*number); };
  co_await weft::outcome_of(count_owned);
#else
  co_await weft::outcome_of([number = std::move(number)] { return count(*number); });
#endif
}
