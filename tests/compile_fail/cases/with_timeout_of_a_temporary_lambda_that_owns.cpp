// A temporary lambda with a unique_ptr in it gets a time limit.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <chrono>
#include <memory>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/time/with_timeout.hpp>

using namespace std::chrono_literals;

weft::task<> count(int) { co_return; }

weft::task<> use(std::unique_ptr<int> number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto count_owned = [](std::unique_ptr<int> kept) { return count(*kept); };
  co_await weft::with_timeout(1s, weft::make_task(count_owned, std::move(number)));
#else
  co_await weft::with_timeout(1s, [number = std::move(number)] { return count(*number); });
#endif
}
