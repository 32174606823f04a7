// What outcome_of() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: outcome_of\(\) does nothing until it is awaited: write co_await outcome_of\(\.\.\.\)
#include <weft/core/task.hpp>
#include <weft/flow/outcome_of.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::outcome_of(work());
#else
  weft::outcome_of(work());
#endif
  co_return;
}
