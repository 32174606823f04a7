// A task returns an rvalue reference.
// SPDX-License-Identifier: MIT
//
// expect: weft: a task cannot return an rvalue reference; return the value
#include <weft/core/task.hpp>

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::task<int> use() { co_return 42; }
#else
weft::task<int&&> use() { co_return 42; }
#endif
