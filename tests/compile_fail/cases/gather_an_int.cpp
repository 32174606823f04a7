// A number is gathered.
// SPDX-License-Identifier: MIT
//
// expect: weft: only tasks, functions that return one, task handles and weft's own operations can be gathered
// then: decompose
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<int> answer() { co_return 42; }
weft::task<> work() { co_return; }

weft::task<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto [a, b] = co_await weft::gather(answer(), work());
#else
  auto [a, b] = co_await weft::gather(42, work());
#endif
  co_return a;
}
