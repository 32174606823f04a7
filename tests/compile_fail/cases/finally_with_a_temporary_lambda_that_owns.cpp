// A temporary lambda with a unique_ptr in it is the clean-up.
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
  co_await weft::finally(count(1), [&] { return count(*number); });
#else
  co_await weft::finally(count(1), [number = std::move(number)] { return count(*number); });
#endif
}
