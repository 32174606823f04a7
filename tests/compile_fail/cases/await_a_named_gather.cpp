// A gather that has a name is awaited without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: an operation is awaited once, as an rvalue: await it where you make it, or co_await std::move\(it\)
#include <utility>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use() {
  auto both = weft::gather(answer(), answer());
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto [a, b] = co_await std::move(both);
#else
  auto [a, b] = co_await both;
#endif
  co_return a + b;
}
