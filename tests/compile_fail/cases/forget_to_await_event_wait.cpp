// What event::wait() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: wait\(\) does nothing until it is awaited: write co_await e\.wait\(\)
#include <weft/core/task.hpp>
#include <weft/sync/event.hpp>

weft::task<> use(weft::event& e) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await e.wait();
#else
  e.wait();
#endif
  co_return;
}
