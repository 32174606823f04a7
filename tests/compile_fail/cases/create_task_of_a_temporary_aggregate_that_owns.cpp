// A temporary aggregate with a string in it is an argument of what is started.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <string>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>

struct person {
  std::string name;
};
weft::task<> greet(person) { co_return; }

weft::task<> use(std::string name) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const person someone{name};
  co_await weft::create_task(greet, someone);
#else
  co_await weft::create_task(greet, person{name});
#endif
}
