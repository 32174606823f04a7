// How something ended, as a value: no exception is thrown where it failed.
// SPDX-License-Identifier: MIT
//
// C++ allows no co_await in a handler, so what must be awaited after a failure cannot stand in a catch block. With the
// outcome in hand it stands after it. It is also the cheap way: an exception that nobody catches costs no unwinding.
//
//     weft::outcome<int> n = co_await weft::outcome_of(read_number());
//     if (n.failed()) co_await report(n.exception());
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/nested_task.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_state.hpp>

#include <utility>

namespace weft {

template <class T>
class [[nodiscard(
    "weft: outcome_of() does nothing until it is awaited: write co_await outcome_of(...)")]] outcome_awaiter {
 public:
  explicit outcome_awaiter(task<T>&& body) noexcept : body_(std::move(body)) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting) { body_.start(waiting); }
  outcome<T> await_resume() { return body_.take_outcome(); }

 private:
  nested_task<T> body_;
};

/// Waits, inside this task, for a task, a function that returns one, a handle or an operation, and gives its outcome.
/// An outcome that is cancelled may mean that this task was cancelled: ask current_task().cancelling(), and pass it on
/// with `.value()`. Cancelled: as what it waits for is, which shows in the outcome.
template <startable Awaited>
auto outcome_of(Awaited&& awaited) {
  auto body = as_startable(std::forward<Awaited>(awaited));
  return outcome_awaiter<typename decltype(body)::value_type>(std::move(body).here());
}

/// Nothing that has an outcome: says what to write instead.
template <class Given>
  requires(!startable<Given>)
refused outcome_of(Given&&) {
  explain_not_startable<Given>();
  return {};
}

// ---- details ----

static_assert(awaiter<outcome_awaiter<int>>);

}  // namespace weft
