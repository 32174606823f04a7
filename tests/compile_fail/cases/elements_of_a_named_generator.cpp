// A generator that has a name is handed over without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: elements_of\(\) takes a generator over: write elements_of\(std::move\(the_generator\)\)
#include <utility>
#include <weft/flow/generator.hpp>

weft::generator<int> one() { co_yield 1; }

weft::generator<int> use() {
  weft::generator<int> the_generator = one();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_yield weft::elements_of(std::move(the_generator));
#else
  co_yield weft::elements_of(the_generator);
#endif
}
