// A coroutine is to be called for a descriptor.
// SPDX-License-Identifier: MIT
//
// expect: weft: a coroutine is no callback: call create_task\(\) in a function, or co_await wait_readable\(\)
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/io/add_reader.hpp>

namespace {
weft::task<> take(int) { co_return; }
}  // namespace

void use(int fd) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  weft::add_reader(fd, [fd] { weft::create_task(take, fd); });
#else
  weft::add_reader(fd, take, fd);
#endif
}
