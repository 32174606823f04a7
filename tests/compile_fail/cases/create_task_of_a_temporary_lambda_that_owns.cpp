// A temporary lambda with a string in it is started.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <string>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>

weft::task<> greet(std::string) { co_return; }

weft::task<> use(std::string name) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto greet_by_name = [name] { return greet(name); };
  co_await weft::create_task(greet_by_name);
#else
  co_await weft::create_task([name] { return greet(name); });
#endif
}
