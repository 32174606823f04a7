// A range of numbers is gathered.
// SPDX-License-Identifier: MIT
//
// expect: weft: only tasks, functions that return one, task handles and weft's own operations can be gathered
#include <ranges>
#include <utility>
#include <vector>
#include <weft/core/task.hpp>
#include <weft/flow/gather.hpp>

weft::task<int> answer_to(int question) { co_return question; }

weft::task<> use(std::vector<int> questions) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await weft::gather(questions | std::views::transform(answer_to));
#else
  co_await weft::gather(std::move(questions));
#endif
}
