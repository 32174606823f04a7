// A temporary lambda with a unique_ptr in it is the body of a task group.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/task_group.hpp>

weft::task<> count(int) { co_return; }

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::with_task_group([&](weft::task_group&) { return count(*number); });
#else
  co_await weft::with_task_group([number = std::move(number)](weft::task_group&) { return count(*number); });
#endif
}
