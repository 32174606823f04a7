// A range of tasks is awaited, not a gather.
// SPDX-License-Identifier: MIT
//
// expect: weft: this cannot be awaited in a weft task: only tasks, task handles and weft's own operations can
#include <utility>
#include <vector>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<> use(std::vector<weft::task<>> tasks) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::gather(std::move(tasks));
#else
  co_await std::move(tasks);
#endif
}
