// A temporary lambda with a unique_ptr in it is the body of a finally.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/finally.hpp>

weft::task<> count(int) { co_return; }

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::finally([&] { return count(*number); }, [] { return count(1); });
#else
  co_await weft::finally([number = std::move(number)] { return count(*number); }, [] { return count(1); });
#endif
}
