// What gather_outcomes() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a gather starts nothing until it is awaited
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<> work() { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::gather_outcomes(work(), work());
#else
  weft::gather_outcomes(work(), work());
#endif
  co_return;
}
