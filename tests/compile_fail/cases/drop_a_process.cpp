// A process is started, and killed at once since nobody keeps it.
// SPDX-License-Identifier: MIT
//
// expect: weft: a process that nobody keeps is killed at once
// only: clang++
#include <weft/core/task.hpp>
#include <weft/io/process.hpp>

weft::task<> use(weft::process& child) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const weft::process kept = co_await weft::create_subprocess_exec("true");
#else
  co_await weft::create_subprocess_exec("true");
#endif
  static_cast<void>(child);
  co_return;
}
