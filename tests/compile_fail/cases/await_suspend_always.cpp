// An awaiter that is not weft's is awaited.
// SPDX-License-Identifier: MIT
//
// expect: weft: this cannot be awaited in a weft task: only tasks, task handles and weft's own operations can
#include <coroutine>
#include <weft/core/task.hpp>
#include <weft/sync/yield.hpp>

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::yield();
#else
  co_await std::suspend_always{};
#endif
}
