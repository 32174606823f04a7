// Tasks that have names are gathered without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: tasks and operations are gathered once, as rvalues: write std::move\(the_task\)
// then: decompose
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use() {
  weft::task<int> first = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto [a, b] = co_await weft::gather(std::move(first), answer());
#else
  auto [a, b] = co_await weft::gather(first, answer());
#endif
  co_return a + b;
}
