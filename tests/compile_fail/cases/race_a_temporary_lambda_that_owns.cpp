// A temporary lambda with a unique_ptr in it races.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/race.hpp>

weft::task<> count(int) { co_return; }

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto count_owned = [](std::unique_ptr<int> kept) { return count(*kept); };
  co_await weft::race(weft::make_task(count_owned, std::move(number)), count(1));
#else
  co_await weft::race([number = std::move(number)] { return count(*number); }, count(1));
#endif
}
