// A lock() that has a name is awaited without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: an operation is awaited once, as an rvalue: await it where you make it, or co_await std::move\(it\)
#include <utility>
#include <weft/core/task.hpp>
#include <weft/sync/mutex.hpp>

weft::task<> use(weft::mutex& m) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto waiting = m.lock();
  auto lock = co_await std::move(waiting);
#else
  auto waiting = m.lock();
  auto lock = co_await waiting;
#endif
}
