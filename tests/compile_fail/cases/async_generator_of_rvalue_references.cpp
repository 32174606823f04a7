// An async generator of rvalue references.
// SPDX-License-Identifier: MIT
//
// expect: weft: an async generator cannot yield rvalue references: yield values
// then: call of overloaded .yield_value\(int\). is ambiguous
#include <weft/flow/async_generator.hpp>

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::async_generator<int> use() { co_yield 1; }
#else
weft::async_generator<int&&> use() { co_yield 1; }
#endif
