// What next() of a signal_set returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: next\(\) does nothing until it is awaited: write co_await signals\.next\(\)
#include <weft/core/task.hpp>
#include <weft/io/signal_set.hpp>

weft::task<> use(weft::signal_set& signals) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await signals.next();
#else
  signals.next();
#endif
  co_return;
}
