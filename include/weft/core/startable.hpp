// What can be started, or runs already: the forms in which the combinators take what they wait for.
// SPDX-License-Identifier: MIT
//
// gather, wait_for, shield and race all take a task, a function that returns one, the handle of a running task, or an
// operation such as a queue's get(). asyncio calls that an awaitable and makes a Task of it (ensure_future). Here it
// becomes one type, with the two ways to go on: start it as a task of its own, or run it inside the current one.
//
//     weft::startable_task<int> s = weft::as_startable(read_number());
//     weft::task_handle<int> running = s.start(loop);
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>

namespace weft {

/// What a task is that does nothing but await an operation; see task_state::stand_for_operation().
class operation_traits {
 public:
  bool ends_by_destruction = false;
  bool like_future = false;
  bool shared = false;        // others may wait for the same: a future
  bool is_operation = false;  // set by startable_task
};

/// What refers to a running task that returns T. Where there is no result any task will do, whatever it returns.
template <class T>
using running_task_of = std::conditional_t<std::is_void_v<T>, task_ref, task_handle<T>>;

/// A task to start, or one that runs.
template <class T>
class startable_task {
 public:
  using value_type = T;

  startable_task(task<T> to_start) noexcept : to_start_(std::move(to_start)) {}
  startable_task(task<T> operation, operation_traits traits) noexcept
      : to_start_(std::move(operation)), traits_(traits) {
    traits_.is_operation = true;
  }
  startable_task(running_task_of<T> running) noexcept : running_(std::move(running)) {}

  /// Whether start() would make a task, which nobody else knows then.
  bool starts() const noexcept { return static_cast<bool>(to_start_); }

  /// What it consists of, for those who keep it in another form: the task to start, or the running one.
  task<T> take_task() noexcept { return std::move(to_start_); }
  running_task_of<T> running() const noexcept { return running_; }
  operation_traits traits() const noexcept { return traits_; }

  /// The running task, made on `loop` if it is one to start. Called once. Throws invalid_state_error if task or handle
  /// are empty.
  running_task_of<T> start(event_loop& loop) {
    if (!running_) {
      typed_task_state<T>& made = prepare_task(loop, std::move(to_start_));
      if (traits_.is_operation) made.stand_for_operation(traits_.ends_by_destruction, traits_.like_future);
      running_ = running_task_of<T>(made);
      made.start();
    }
    return running_;
  }

  /// A task that gives its result inside the one that awaits it.
  task<T> here() && {
    if (!running_) return std::move(to_start_);
    return wait_for_running(std::move(running_));
  }

 private:
  static task<T> wait_for_running(running_task_of<T> running) {
    if constexpr (std::is_copy_constructible_v<stored_t<T>>) {
      co_return co_await running;
    } else {
      co_return co_await std::move(running);
    }
  }

  task<T> to_start_;
  running_task_of<T> running_;
  operation_traits traits_;
};

/// The result of a task that is done: copied, since others may ask for it, or moved out if it can only be moved.
inline void shared_result(const task_ref& done) {
  if (const std::exception_ptr failure = done.exception()) std::rethrow_exception(failure);
}
template <class T>
T shared_result(task_handle<T> done) {
  if constexpr (std::is_copy_constructible_v<stored_t<T>>) {
    return std::as_const(done).result();
  } else {
    return std::move(done).result();
  }
}

/// An operation of the library as an rvalue, or, as a handle or a future is, a reference to something that others may
/// wait for, too.
template <class A>
concept operation = (!std::is_reference_v<A> && (awaiter<A> || makes_awaiter<A>)) ||
                    (makes_awaiter<A> && std::copy_constructible<std::remove_cvref_t<A>>);

namespace detail {

template <class T>
startable_task<T> to_startable(task<T> to_start) {
  return startable_task<T>(std::move(to_start));
}
template <class T>
startable_task<T> to_startable(task_handle<T> running) {
  return startable_task<T>(std::move(running));
}
inline startable_task<void> to_startable(task_ref running) { return startable_task<void>(std::move(running)); }
template <class F>
  requires task_function<std::decay_t<F>>
auto to_startable(F&& fn) {
  static_assert(safe_argument<F>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  return to_startable(keep_task(std::forward<F>(fn)));
}

// What an operation gives; from a future, its value.
template <class A>
auto result_of_operation() {
  if constexpr (requires { typename A::value_type; }) {
    return std::type_identity<typename A::value_type>();
  } else if constexpr (awaiter<A>) {
    return std::type_identity<decltype(std::declval<A&>().await_resume())>();
  } else {
    return std::type_identity<decltype(std::declval<A>().operator co_await().await_resume())>();
  }
}

// The awaiter of an operation.
template <class A>
auto awaiter_of() {
  if constexpr (awaiter<A>) {
    return std::type_identity<A>();
  } else {
    return std::type_identity<decltype(std::declval<A>().operator co_await())>();
  }
}

// An operation of the library: a coroutine awaits it.
template <operation A>
  requires(!std::convertible_to<A, task_ref>)
auto to_startable(A&& given) {
  using kept_type = std::remove_cvref_t<A>;
  using result = typename decltype(result_of_operation<kept_type>())::type;
  using waits = typename decltype(awaiter_of<kept_type>())::type;
  constexpr auto wait = [](kept_type kept) -> task<result> { co_return co_await std::move(kept); };
  return startable_task<result>(wait(std::forward<A>(given)), {.ends_by_destruction = ends_quietly<waits>,
                                                               .like_future = acts_as_future<waits>,
                                                               .shared = std::copy_constructible<kept_type>});
}

}  // namespace detail

/// A task or an operation as an rvalue, a handle, or a function that returns a task.
template <class A>
concept startable = requires(A&& a) { detail::to_startable(std::forward<A>(a)); };

template <startable A>
auto as_startable(A&& a) {
  return detail::to_startable(std::forward<A>(a));
}

// Says, where something startable was expected, what to write instead of Given.
template <class Given>
constexpr void explain_not_startable() {
  constexpr bool good = startable<Given>;
  constexpr bool named = !good && awaitable<Given>;
  static_assert(!named, "weft: a task or an operation is started once, as an rvalue: write std::move(the_task)");
  static_assert(
      good || named || !sizeof(std::remove_reference_t<Given>*),
      "weft: only tasks, functions that return one, task handles and weft's own operations can be waited for");
}

}  // namespace weft
