// A process is not started, since that is not awaited.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/io/process.hpp>

weft::task<> use(weft::process& child) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  child = co_await weft::create_subprocess_exec("true");
#else
  weft::create_subprocess_exec("true");
#endif
  static_cast<void>(child);
  co_return;
}
