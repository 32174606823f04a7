// An operation that has a name is gathered without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: tasks and operations are gathered once, as rvalues: write std::move\(the_task\)
#include <chrono>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>
#include <weft/time/sleep.hpp>

using namespace std::chrono_literals;

weft::task<> work() { co_return; }

weft::task<> use() {
  auto nap = weft::sleep_for(1s);
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::gather(std::move(nap), work());
#else
  co_await weft::gather(nap, work());
#endif
}
