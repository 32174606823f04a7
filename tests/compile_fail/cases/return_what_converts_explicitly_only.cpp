// A number turns into a vector of so many zeros.
// SPDX-License-Identifier: MIT
//
// expect: weft: what this coroutine returns does not convert to the T of its task<T>
#include <vector>
#include <weft/core/task.hpp>

weft::task<std::vector<int>> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return std::vector<int>(5);
#else
  co_return 5;
#endif
}
