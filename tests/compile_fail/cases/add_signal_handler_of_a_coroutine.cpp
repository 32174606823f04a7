// A coroutine is to be called for a signal.
// SPDX-License-Identifier: MIT
//
// expect: weft: a coroutine is no signal handler: call create_task\(\) in a function, or co_await next\(\)
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/io/add_signal_handler.hpp>

namespace {
weft::task<> reload(int) { co_return; }
}  // namespace

void use(int number) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  weft::add_signal_handler(number, [number] { weft::create_task(reload, number); });
#else
  weft::add_signal_handler(number, reload, number);
#endif
}
