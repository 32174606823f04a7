// A coroutine object is given to another thread, as in asyncio.
// SPDX-License-Identifier: MIT
//
// expect: weft: a coroutine is made on the loop that runs it: write run_coroutine_threadsafe\(remote, f, args...\)
#include <weft/core/mailbox.hpp>
#include <weft/core/task.hpp>
#include <weft/threads/run_coroutine_threadsafe.hpp>

namespace {
weft::task<int> answer() { co_return 42; }
}  // namespace

void use(const weft::remote_loop& remote) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  static_cast<void>(weft::run_coroutine_threadsafe(remote, answer));
#else
  static_cast<void>(weft::run_coroutine_threadsafe(remote, answer()));
#endif
}
