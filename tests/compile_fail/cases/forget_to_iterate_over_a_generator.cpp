// A generator is called, and dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: a generator does nothing until it is iterated over
#include <weft/flow/generator.hpp>

weft::generator<int> one() { co_yield 1; }

int use() {
  int sum = 0;
#ifdef WEFT_COMPILE_FAIL_FIXED
  for (const int n : one()) sum += n;
#else
  one();
#endif
  return sum;
}
