// A view of a lambda with a string in it is gathered.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <ranges>
#include <string>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<> greet(std::string, int) { co_return; }

weft::task<> use(std::string name) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  auto greet_by_name = [name](int i) { return greet(name, i); };
  auto tasks = std::views::iota(0, 3) | std::views::transform(greet_by_name);
  co_await weft::gather(tasks);
#else
  co_await weft::gather(std::views::iota(0, 3) | std::views::transform([name](int i) { return greet(name, i); }));
#endif
}
