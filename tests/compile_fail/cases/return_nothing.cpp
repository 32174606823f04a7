// A coroutine returns nothing, its task something.
// SPDX-License-Identifier: MIT
//
// expect: no member named .return_void. in .*promise
#include <weft/core/task.hpp>

weft::task<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return 42;
#else
  co_return;
#endif
}
