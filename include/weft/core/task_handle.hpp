// Running tasks: create_task() starts one, task_handle<T> and task_ref refer to it (asyncio.Task).
// SPDX-License-Identifier: MIT
//
// A handle is a counted reference. The loop owns its tasks, so a dropped handle never stops one (in asyncio the garbage
// collector may), and a handle may outlive the loop: the task has ended by then. Handles belong to the loop's thread.
//
//     weft::task_handle<int> h = weft::create_task(answer(), "answer");
//     fmt::print("{}\n", co_await h);
#pragma once

#include <weft/core/callback.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/handle_awaiter.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/typed_task_state.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// What a handle that others share gives of a result: a reference to what the task keeps, if it keeps an object.
template <class T>
using kept_t = std::conditional_t<std::is_object_v<T>, std::add_lvalue_reference_t<const T>, T>;

template <class F, class Handle>
callback_handle call_when_done(task_state& task, F&& fn, const Handle& handle);

/// A task of which the result does not matter. Copyable, comparable; empty if default-constructed.
class task_ref {
 public:
  task_ref() noexcept = default;
  explicit task_ref(task_state& state) noexcept : state_(&state) { state.retain(); }
  task_ref(const task_ref& other) noexcept : state_(other.state_) {
    if (state_ != nullptr) state_->retain();
  }
  task_ref(task_ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  task_ref& operator=(task_ref other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~task_ref() {
    if (state_ != nullptr) state_->release();
  }

  explicit operator bool() const noexcept { return state_ != nullptr; }
  friend bool operator==(const task_ref&, const task_ref&) noexcept = default;

  /// Asks the task to stop: what it waits for is cancelled, and its co_await throws cancelled_error (from a sleep: in
  /// the next pass; from a task or a gather: when that has ended). If it waits for nothing, its next wait throws; if it
  /// has not started, it never runs. False if it is done already, or if its loop is being destroyed. A request is
  /// counted; see uncancel(). usage_error from another thread than the loop's. Mirrors Task.cancel().
  bool cancel() const { return state().cancel(); }
  /// How many requests were not taken back. Mirrors Task.cancelling().
  int cancelling() const { return state().cancelling(); }
  /// Takes one request back and returns how many are left; at none, a cancellation that was not delivered yet is
  /// withdrawn. Mirrors Task.uncancel().
  int uncancel() const { return state().uncancel(); }

  bool done() const { return state().done(); }
  bool cancelled() const { return state().cancelled(); }

  /// The exception with which the task failed, or null; it then counts as looked at. Throws cancelled_error if the task
  /// was cancelled, invalid_state_error if it is not done. Mirrors Task.exception().
  std::exception_ptr exception() const;

  /// False only for a failed task whose exception nobody has looked at yet; it would be reported as never retrieved.
  bool exception_retrieved() const { return !state().lost(); }

  /// Calls fn(task_ref) in the pass after the task has ended; in the next pass if it has. Mirrors
  /// Task.add_done_callback(); the returned handle's cancel() mirrors remove_done_callback().
  template <std::invocable<task_ref> F>
  callback_handle add_done_callback(F&& fn) const;

  /// "Task-N" if none was given. Mirrors Task.get_name() and set_name().
  std::string name() const { return state().label().name(); }
  void set_name(std::string name) const { state().label().set_name(std::make_unique<std::string>(std::move(name))); }

  /// Waits until the task has ended; rethrows its exception, throws cancelled_error if it was cancelled. Cancelling the
  /// wait cancels the task. Awaiting a task that is done takes no pass. Mirrors `await task`.
  ref_awaiter operator co_await() const;

  /// For those who write awaiters. Throws invalid_state_error if it is empty.
  task_state& state() const {
    if (state_ == nullptr)
      throw invalid_state_error("weft: this task handle is empty; assign it from create_task() first");
    return *state_;
  }

 private:
  task_state* state_ = nullptr;
};

/// A running task and its result.
template <class T = void>
class task_handle {
 public:
  using value_type = T;

  task_handle() noexcept = default;
  explicit task_handle(typed_task_state<T>& state) noexcept : ref_(state) {}

  operator task_ref() const noexcept { return ref_; }
  explicit operator bool() const noexcept { return static_cast<bool>(ref_); }
  friend bool operator==(const task_handle&, const task_handle&) noexcept = default;

  /// As in task_ref.
  bool cancel() const { return ref_.cancel(); }
  int cancelling() const { return ref_.cancelling(); }
  int uncancel() const { return ref_.uncancel(); }
  bool done() const { return ref_.done(); }
  bool cancelled() const { return ref_.cancelled(); }
  std::exception_ptr exception() const { return ref_.exception(); }
  bool exception_retrieved() const { return ref_.exception_retrieved(); }
  /// Calls fn(task_handle<T>), or fn(task_ref); else as in task_ref.
  template <std::invocable<task_handle> F>
  callback_handle add_done_callback(F&& fn) const {
    return call_when_done(ref_.state(), std::forward<F>(fn), *this);
  }
  std::string name() const { return ref_.name(); }
  void set_name(std::string name) const { ref_.set_name(std::move(name)); }

  /// The result: a reference to it, valid as long as a handle is; from an rvalue handle the result itself, moved out:
  /// other handles of the task are left with a moved-from value. Rethrows the task's exception, throws cancelled_error
  /// if it was cancelled, invalid_state_error if it is not done. Mirrors Task.result().
  kept_t<T> result() const& { return std::as_const(looked_at().result).value(); }
  T result() && { return std::move(looked_at().result).value(); }

  /// Waits for the result; else as in task_ref. `co_await handle` gives what result() gives: a reference from a named
  /// handle, the value itself from a temporary or a moved one.
  handle_awaiter<T, kept_t<T>> operator co_await() const&;
  handle_awaiter<T, T> operator co_await() &&;

  typed_task_state<T>& state() const { return static_cast<typed_task_state<T>&>(ref_.state()); }

 private:
  typed_task_state<T>& looked_at() const {
    typed_task_state<T>& s = state();
    if (s.done()) s.look();
    return s;
  }

  task_ref ref_;
};

/// Starts a task on the loop that runs in this thread (asyncio.create_task): it runs from the next pass on. Reports
/// name `where` as the place where it was created. Throws usage_error if no loop runs, invalid_state_error if
/// `coroutine` is empty.
template <class T>
task_handle<T> create_task(task<T>&& coroutine, std::string name = {},
                           std::source_location where = std::source_location::current());

/// Starts fn(args...), of which both are kept alive until it has ended; see make_task().
template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto create_task(F&& fn, Args&&... args);

/// The task that calls (asyncio.current_task); empty in callbacks and outside the loop.
task_ref current_task() noexcept;

/// The tasks that are not done, oldest first (asyncio.all_tasks), of the loop that runs in this thread, or of `loop`.
std::vector<task_ref> all_tasks();
std::vector<task_ref> all_tasks(const event_loop& loop);

// ---- details ----

inline std::exception_ptr task_ref::exception() const {
  task_state& s = state();
  if (!s.done()) throw invalid_state_error("weft: the task is not done, so it has no exception yet; await it first");
  if (s.cancelled()) throw cancelled_error();
  s.look();
  return s.failure();
}

template <class F, class Handle>
callback_handle call_when_done(task_state& task, F&& fn, const Handle& handle) {
  task.loop_or_throw().check_usable();
  callback& c = *make_callback(std::forward<F>(fn), handle);
  task.add_done_callback(c);
  return callback_handle(c);
}

template <std::invocable<task_ref> F>
callback_handle task_ref::add_done_callback(F&& fn) const {
  return call_when_done(state(), std::forward<F>(fn), *this);
}

inline ref_awaiter task_ref::operator co_await() const { return ref_awaiter(state()); }

template <class T>
handle_awaiter<T, kept_t<T>> task_handle<T>::operator co_await() const& {
  return handle_awaiter<T, kept_t<T>>(state());
}
template <class T>
handle_awaiter<T, T> task_handle<T>::operator co_await() && {
  return handle_awaiter<T, T>(state());
}

/// Makes the task's state without starting it; state.start() does. std::bad_alloc: the coroutine is destroyed.
template <class T>
typed_task_state<T>& prepare_task(event_loop& loop, task<T>&& coroutine) {
  loop.check_usable();
  if (!coroutine) coroutine.release();  // throws
  task<T> owner = std::move(coroutine);
  return *new typed_task_state<T>(loop, owner.release());  // released when there is memory
}
template <class T>
typed_task_state<T>& prepare_task(event_loop& loop, task<T>&& coroutine, std::string name) {
  task<T> owner = std::move(coroutine);
  auto given = name.empty() ? nullptr : std::make_unique<std::string>(std::move(name));
  typed_task_state<T>& state = prepare_task(loop, std::move(owner));
  state.label().set_name(std::move(given));
  return state;
}

template <class T>
task_handle<T> spawn(event_loop& loop, task<T>&& coroutine) {
  typed_task_state<T>& state = prepare_task(loop, std::move(coroutine));
  task_handle<T> handle(state);
  state.start();
  return handle;
}

/// What event_loop::create_task() calls.
template <class T>
task_handle<T> spawn(event_loop& loop, task<T>&& coroutine, std::string name, const std::source_location& where) {
  typed_task_state<T>& state = prepare_task(loop, std::move(coroutine), std::move(name));
  task_handle<T> handle(state);
  state.label().set_created(where);
  state.start();
  return handle;
}

template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto spawn(event_loop& loop, F&& fn, Args&&... args) {
  static_assert(safe_argument<F> && (safe_argument<Args> && ...), WEFT_UNSAFE_ARGUMENT_ADVICE);
  loop.check_usable();
  return spawn(loop, detail::keep_task(std::forward<F>(fn), std::forward<Args>(args)...));
}

template <class Given, class... Args>
  requires no_task<Given, Args...>
auto spawn(event_loop&, Given&&, Args&&...) {
  detail::explain_no_task<Given>();
  return refused();
}

template <class T>
task_handle<T> create_task(task<T>&& coroutine, std::string name, std::source_location where) {
  return spawn(event_loop::current(), std::move(coroutine), std::move(name), where);
}

template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto create_task(F&& fn, Args&&... args) {
  return spawn(event_loop::current(), std::forward<F>(fn), std::forward<Args>(args)...);
}

template <class Given, class... Args>
  requires no_task<Given, Args...>
auto create_task(Given&&, Args&&...) {
  detail::explain_no_task<Given>();
  return refused();
}

inline task_ref current_task() noexcept {
  task_state* current = task_state::current();
  return current != nullptr ? task_ref(*current) : task_ref();
}

WEFT_COLD inline std::vector<task_ref> all_tasks(const event_loop& loop) {
  std::vector<task_ref> tasks;
  loop.tenants().for_each([](tenant& t) { t.make_tasks(); });
  loop.tenants().for_each([&](tenant& t) {
    auto* state = dynamic_cast<task_state*>(&t);  // futures are tenants, too
    if (state != nullptr && !state->done() && !state->stands_for_future()) tasks.emplace_back(*state);
  });
  return tasks;
}

inline std::vector<task_ref> all_tasks() { return all_tasks(event_loop::current()); }

}  // namespace weft

/// Handles may be kept in unordered sets and maps.
template <>
struct std::hash<weft::task_ref> {
  std::size_t operator()(const weft::task_ref& task) const noexcept {
    return std::hash<const void*>()(task ? &task.state() : nullptr);
  }
};
template <class T>
struct std::hash<weft::task_handle<T>> {
  std::size_t operator()(const weft::task_handle<T>& task) const noexcept { return std::hash<weft::task_ref>()(task); }
};
