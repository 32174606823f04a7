// A temporary lambda with a string in it is given to a loop.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <string>
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>

weft::task<> greet(std::string) { co_return; }

weft::task<> use(weft::event_loop& loop, std::string name) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await loop.create_task(greet, name);
#else
  co_await loop.create_task([name] { return greet(name); });
#endif
}
