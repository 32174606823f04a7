// A coroutine is to be called by the loop, which would drop what it returns.
// SPDX-License-Identifier: MIT
//
// expect: weft: a coroutine is no callback, it would never run: call a function that gives it to create_task\(\)
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>

namespace {
weft::task<> hello() { co_return; }
}  // namespace

void use(weft::event_loop& loop) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  loop.call_soon([&loop] { loop.create_task(hello()); });
#else
  loop.call_soon(hello);
#endif
}
