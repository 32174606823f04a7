// A range is gathered together with a task.
// SPDX-License-Identifier: MIT
//
// expect: weft: gather takes either one range or any number of tasks: gather the range by itself
#include <utility>
#include <vector>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<> work() { co_return; }

weft::task<> use(std::vector<weft::task<>> tasks) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  tasks.push_back(work());
  co_await weft::gather(std::move(tasks));
#else
  co_await weft::gather(std::move(tasks), work());
#endif
}
