// A temporary lambda with a unique_ptr in it is called in a thread.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/threads/to_thread.hpp>

int value_of(std::unique_ptr<int> number) { return *number; }

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::to_thread(value_of, std::move(number));
#else
  co_await weft::to_thread([number = std::move(number)] { return *number; });
#endif
}
