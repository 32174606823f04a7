// A vector of tasks is gathered through a reference to const.
// SPDX-License-Identifier: MIT
//
// expect: weft: the tasks of a range are started once: drop its const, and write gather\(std::move\(tasks\)\)
#include <utility>
#include <vector>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::task<> use(std::vector<weft::task<int>> tasks) { co_await weft::gather(std::move(tasks)); }
#else
weft::task<> use(const std::vector<weft::task<int>>& tasks) { co_await weft::gather(tasks); }
#endif
