// What shield() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a shield does nothing until it is awaited: write co_await shield\(\.\.\.\)
#include <weft/core/task.hpp>
#include <weft/flow/shield.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::shield(work());
#else
  weft::shield(work());
#endif
  co_return;
}
