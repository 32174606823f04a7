// A coroutine returns what its task does not.
// SPDX-License-Identifier: MIT
//
// expect: weft: what this coroutine returns does not convert to the T of its task<T>
#include <string>
#include <weft/core/task.hpp>

weft::task<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return std::stoi("42");
#else
  co_return std::string("42");
#endif
}
