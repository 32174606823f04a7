// Clean-up that waits.
// SPDX-License-Identifier: MIT
//
// What needs no co_await is cleaned up by destructors. `finally` is for the rest: it runs the clean-up after the body,
// however that has ended, as Python's try/finally does.
//
//     co_await weft::finally(work(connection), [&] { return connection.close(); });
#pragma once

#include <weft/core/outcome.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/flow/outcome_of.hpp>

#include <type_traits>
#include <utility>

namespace weft {

/// Runs the body (a task, a function that returns one, an operation), then the clean-up (a function that returns a
/// task), in this task; returns what the body returns or throws what it throws. An exception of the clean-up replaces
/// that. The clean-up runs also when the body was cancelled, and can wait as usual; a further cancel() cancels the
/// clean-up. It does not run if the task is destroyed by the end of its loop.
template <startable Body, class CleanUp>
  requires task_function<std::decay_t<CleanUp>>
auto finally(Body&& body, CleanUp&& clean_up);

/// Says what to write instead.
template <class Body, class CleanUp>
  requires(!startable<Body> || !task_function<std::decay_t<CleanUp>>)
refused finally(Body&&, CleanUp&&) {
  explain_not_startable<Body>();
  static_assert(task_function<std::decay_t<CleanUp>>, "weft: the clean-up is a function that returns a task");
  return {};
}

// ---- details ----

namespace detail {

template <class T, class CleanUp>
task<T> run_finally(task<T> body, CleanUp clean_up) {
  outcome<T> result = co_await outcome_of(std::move(body));
  co_await clean_up();
  co_return std::move(result).value();
}

}  // namespace detail

template <startable Body, class CleanUp>
  requires task_function<std::decay_t<CleanUp>>
auto finally(Body&& body, CleanUp&& clean_up) {
  static_assert(safe_argument<CleanUp>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  using clean_up_function = std::decay_t<CleanUp>;
  auto what = as_startable(std::forward<Body>(body));
  return detail::run_finally<typename decltype(what)::value_type, clean_up_function>(std::move(what).here(),
                                                                                     std::forward<CleanUp>(clean_up));
}

}  // namespace weft
