// An async generator yields a struct that is made in place and has a string in it.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <string>
#include <weft/flow/async_generator.hpp>

struct row {
  std::string name;
  int number = 0;
};

weft::async_generator<row> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  row first{"first", 1};
  co_yield first;
#else
  co_yield {"first", 1};
#endif
}
