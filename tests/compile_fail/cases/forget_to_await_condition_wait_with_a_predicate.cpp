// What condition_variable::wait(predicate) returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/sync/condition_variable.hpp>

weft::task<> use(weft::condition_variable& c, bool& done) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await c.wait([&] { return done; });
#else
  c.wait([&] { return done; });
#endif
  co_return;
}
