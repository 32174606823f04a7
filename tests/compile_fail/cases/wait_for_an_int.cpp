// Something that is no task is waited for.
// SPDX-License-Identifier: MIT
//
// expect: weft: only tasks, functions that return one, task handles and weft's own operations can be waited for
#include <chrono>
#include <weft/core/task.hpp>
#include <weft/time/wait_for.hpp>

using namespace std::chrono_literals;

weft::task<int> answer() { co_return 42; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::wait_for(answer(), 1s);
#else
  co_await weft::wait_for(42, 1s);
#endif
}
