// An async generator of void.
// SPDX-License-Identifier: MIT
//
// expect: weft: an async generator of nothing gives nothing; write async_generator<int>
// then: .
#include <weft/flow/async_generator.hpp>

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::async_generator<int> use() { co_yield 1; }
#else
weft::async_generator<void> use() { co_return; }
#endif
