// Something that is no task races.
// SPDX-License-Identifier: MIT
//
// expect: weft: only tasks, functions that return one, task handles and weft's own operations can be gathered
#include <weft/core/task.hpp>
#include <weft/flow/race.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::race(answer(), answer());
#else
  co_await weft::race(answer(), 42);
#endif
}
