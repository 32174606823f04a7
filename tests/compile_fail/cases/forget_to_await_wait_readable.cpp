// What wait_readable() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a wait for a descriptor does nothing until it is awaited: write co_await weft::wait_readable\(fd\)
#include <weft/core/task.hpp>
#include <weft/io/wait_readable.hpp>

weft::task<> use(int fd) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::wait_readable(fd);
#else
  weft::wait_readable(fd);
#endif
  co_return;
}
