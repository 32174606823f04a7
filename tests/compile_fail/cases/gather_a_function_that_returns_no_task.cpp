// A plain function is gathered.
// SPDX-License-Identifier: MIT
//
// expect: weft: only tasks, functions that return one, task handles and weft's own operations can be gathered
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

int plain();
weft::task<int> answer() { co_return 42; }
weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::gather(answer, work());
#else
  co_await weft::gather(plain, work());
#endif
}
