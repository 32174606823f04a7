// Lets the other tasks run.
// SPDX-License-Identifier: MIT
//
// Nothing is waited for: the task queues itself again, so a cancel() meanwhile finds no wait to cancel and is delivered
// when the task resumes, as in asyncio.
//
//     while (!done) co_await weft::yield();
#pragma once

#include <weft/core/task_state.hpp>

namespace weft {

/// What yield() returns.
class [[nodiscard("weft: yield() does nothing until it is awaited: write co_await weft::yield()")]] yield_awaiter {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting) const noexcept { waiting.take_another_turn(); }
  void await_resume() const noexcept {}
};

/// Resumes in the next pass, after everything that is ready now has run. Cancelled: nothing is left behind. Mirrors
/// asyncio.sleep(0).
inline yield_awaiter yield() noexcept { return {}; }

// ---- details ----

static_assert(awaiter<yield_awaiter>);

}  // namespace weft
