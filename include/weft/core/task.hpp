// A coroutine that has not started: lazy, move-only, awaited once.
// SPDX-License-Identifier: MIT
//
// Calling a function that returns a task runs nothing, as calling an `async def` does not. co_await runs it inside the
// current task, with no loop pass and no allocation but its frame; create_task() makes a task of its own of it. A task
// that is destroyed without either destroys the frame: its parameters, since nothing of its body ever ran.
//
//     weft::task<int> answer() { co_return 42; }
//     weft::task<> async_main() { fmt::print("{}\n", co_await answer()); }
#pragma once

#include <weft/core/promise.hpp>
#include <weft/core/safe_argument.hpp>

#include <concepts>
#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace weft {

/// asyncio's coroutine object. T may be void, a value (move-only, too) or an lvalue reference.
template <class T = void>
class [[nodiscard("weft: a task does nothing until it is awaited: co_await it, or give it to create_task()")]] task {
 public:
  using promise_type = promise<T>;
  using value_type = T;

  task() noexcept = default;
  explicit task(promise_type& started_by) noexcept : promise_(&started_by) {}
  task(const task&) = delete;  // a task is awaited once: write std::move(the_task)
  task& operator=(const task&) = delete;
  task(task&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    std::swap(promise_, other.promise_);
    return *this;
  }
  ~task() {
    if (promise_ != nullptr) promise_->coroutine().destroy();
  }

  /// False if it is empty: default-constructed, moved from, or awaited.
  explicit operator bool() const noexcept { return promise_ != nullptr; }

  /// Reports name the coroutine that this one keeps something alive for, as soon as it is known: see stand_in.
  task&& as_stand_in() && noexcept {
    promise_->at(std::source_location());
    return std::move(*this);
  }

  /// For those who run it: hands the coroutine over. Throws invalid_state_error if it is empty.
  promise_type& release() {
    if (promise_ == nullptr) {
      throw invalid_state_error(
          "weft: this task is empty: it was awaited, moved from or never made; call the coroutine again");
    }
    return *std::exchange(promise_, nullptr);
  }

 private:
  promise_type* promise_ = nullptr;
};

/// A function that, called with these arguments, returns a task.
template <class F, class... Args>
concept task_function = std::invocable<F, Args...> && is_task<std::remove_cvref_t<std::invoke_result_t<F, Args...>>>;

/// A task that first calls fn(args...) and keeps both alive until that coroutine has ended: this makes lambdas with
/// captures safe, and arguments that a coroutine takes by reference. Arguments are kept and handed over as by
/// std::thread; pass std::ref(x) for a reference.
template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto make_task(F&& fn, Args&&... args) -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;

/// What is neither a task to take over nor a function, with its arguments, that returns one.
template <class Given, class... Args>
concept no_task = !task_function<std::decay_t<Given>, std::decay_t<Args>...> &&
                  (!is_task<std::remove_cvref_t<Given>> || std::is_lvalue_reference_v<Given>);

// ---- details ----

inline task<void> promise<void>::get_return_object() noexcept { return task<void>(*this); }

namespace detail {

// Parameters by value: they live in this coroutine's frame, around the one that they are for.
template <class R, class F, class... Args>
R call_and_keep(F fn, Args... args) {
  R inner = std::invoke(std::move(fn), std::move(args)...);
  co_return co_await stand_in(std::move(inner));
}

// make_task() without its check, for calls that are not awaited.
template <class F, class... Args>
auto keep_task(F&& fn, Args&&... args) {
  using result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;
  return call_and_keep<result, std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(fn), std::forward<Args>(args)...)
      .as_stand_in();
}

// Says, where a task was expected, what to write instead of Given.
template <class Given>
constexpr auto explain_no_task() {
  constexpr bool named = is_task<std::remove_cvref_t<Given>>;
  constexpr bool operation = !named && awaitable<Given>;
  static_assert(!named, "weft: a task is started once, as an rvalue: write std::move(the_task)");
  static_assert(!operation, "weft: only a task can be started: co_await this in a coroutine, and start that coroutine");
  static_assert(
      named || operation || !sizeof(std::remove_reference_t<Given>*),
      "weft: only a task can be started, or a function that returns one when called with the arguments given");
}

}  // namespace detail

template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto make_task(F&& fn, Args&&... args) -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...> {
  static_assert(safe_argument<F> && (safe_argument<Args> && ...), WEFT_UNSAFE_ARGUMENT_ADVICE);
  return detail::keep_task(std::forward<F>(fn), std::forward<Args>(args)...);
}

static_assert(std::is_nothrow_move_constructible_v<task<>> && !std::is_copy_constructible_v<task<>>);

}  // namespace weft
