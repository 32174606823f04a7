// What condition_variable::wait() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: wait\(\) does nothing until it is awaited: write co_await c\.wait\(\)
#include <weft/core/task.hpp>
#include <weft/sync/condition_variable.hpp>

weft::task<> use(weft::condition_variable& c) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await c.wait();
#else
  c.wait();
#endif
  co_return;
}
