// What resolve() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task does nothing until it is awaited: co_await it, or give it to create_task\(\)
#include <weft/core/task.hpp>
#include <weft/io/resolve.hpp>

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::resolve("localhost", 80);
#else
  weft::resolve("localhost", 80);
#endif
  co_return;
}
