// A coroutine returns something, its task nothing.
// SPDX-License-Identifier: MIT
//
// expect: no member named .return_value. in .*promise
#include <weft/core/task.hpp>

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return;
#else
  co_return 42;
#endif
}
