// A task returns what needs more alignment than frames have.
// SPDX-License-Identifier: MIT
//
// expect: weft: the result of a task cannot be over-aligned; return a std::unique_ptr to it
#include <memory>
#include <weft/core/task.hpp>

struct alignas(64) cache_line {
  int number = 0;
};

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::task<std::unique_ptr<cache_line>> use() { co_return std::make_unique<cache_line>(); }
#else
weft::task<cache_line> use() { co_return cache_line(); }
#endif
