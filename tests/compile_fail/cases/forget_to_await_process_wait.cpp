// Nobody waits for a process, since wait() is not awaited.
// SPDX-License-Identifier: MIT
//
// expect: weft: wait\(\) does nothing until it is awaited: write co_await process.wait\(\)
#include <weft/core/task.hpp>
#include <weft/io/process.hpp>

weft::task<> use(weft::process& child) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await child.wait();
#else
  child.wait();
#endif
  static_cast<void>(child);
  co_return;
}
