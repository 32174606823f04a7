// A vector of tasks is gathered without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: the tasks of a range are started once: write gather\(std::move\(tasks\)\)
#include <utility>
#include <vector>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<> use(std::vector<weft::task<int>> tasks) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::gather(std::move(tasks));
#else
  co_await weft::gather(tasks);
#endif
}
