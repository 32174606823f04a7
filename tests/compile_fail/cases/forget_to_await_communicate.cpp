// Nothing is said to a process, since communicate() is not awaited.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/io/process.hpp>

weft::task<> use(weft::process& child) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await child.communicate("text");
#else
  child.communicate("text");
#endif
  static_cast<void>(child);
  co_return;
}
