// A temporary lambda with a unique_ptr in it becomes a task of a group, in an expression that awaits.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/task_group.hpp>

weft::task<> count(int) { co_return; }

weft::task<> use(weft::task_group& group, std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto count_owned = [](std::unique_ptr<int> kept) { return count(*kept); };
  co_await group.create_task(count_owned, std::move(number));
#else
  co_await group.create_task([number = std::move(number)] { return count(*number); });
#endif
}
