// An async generator hands over to another one, which Python cannot do either.
// SPDX-License-Identifier: MIT
//
// expect: weft: an async generator cannot hand over by elements_of\(\), as in Python: loop, and co_yield each
#include <weft/flow/async_generator.hpp>
#include <weft/flow/generator.hpp>

weft::async_generator<int> one() { co_yield 1; }

weft::async_generator<int> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto all = one();
  while (auto n = co_await all.next()) co_yield *n;
#else
  co_yield weft::elements_of(one());
#endif
}
