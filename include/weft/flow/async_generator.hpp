// A coroutine that gives values one by one and waits between them (Python's async generator).
// SPDX-License-Identifier: MIT
//
// Whoever awaits next() runs the body, inline, in its own task: no task, no queue and no pass lie between the two, and
// a cancellation arrives at the co_await at which the body waits. Python has two hooks by which the loop closes what is
// dropped or left; so has weft (async_generator_body.hpp). What must be closed at a certain point, with clean-up that
// waits, is closed by close() or with_closing().
//
//     weft::async_generator<int> ticks(std::chrono::milliseconds period) {
//       for (int n = 0;; ++n) {
//         co_await weft::sleep_for(period);
//         co_yield n;
//       }
//     }
//     auto all = ticks(10ms);
//     while (auto n = co_await all.next()) fmt::print("{}\n", *n);
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/shutdown_hooks.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/config.hpp>
#include <weft/flow/async_generator_body.hpp>
#include <weft/flow/gather.hpp>

#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

template <class T>
class async_generator_promise;
template <class T>
class next_awaiter;
template <class Range>
class elements_of;

/// What an async generator coroutine returns. T is what is yielded: a value, or an lvalue reference. It can await all
/// that a task can. Dropped at a co_yield: it is closed at once, as by close(); what its clean-up has to wait for is
/// waited for in a task of its own, so nothing that this needs may go with the caller. Dropped where its loop does not
/// run, or before it has begun: it is destroyed. One that is left at the end of run() is closed by it.
template <class T>
class [[nodiscard("weft: an async generator does nothing until its next() is awaited")]] async_generator
    : public async_generator_owner {
 public:
  using promise_type = async_generator_promise<T>;
  using value_type = T;

  async_generator() noexcept = default;
  explicit async_generator(promise_type& made_by) noexcept : async_generator_owner(made_by) {}

  /// Runs the body to its next co_yield, with no pass but those for which it waits itself, and gives what is yielded;
  /// nothing when it has ended. References come as std::reference_wrapper. Throws what the body throws, which has ended
  /// then; usage_error if it runs already, in another task or in this call, or belongs to another loop;
  /// invalid_state_error if it is empty. Cancelled: as what the body waits for, at its co_await; unless it handles
  /// cancelled_error, it has ended. Mirrors anext().
  next_awaiter<T> next() { return next_awaiter<T>(*this); }
};

template <class G>
inline constexpr bool is_async_generator = false;
template <class T>
inline constexpr bool is_async_generator<async_generator<T>> = true;

/// An async generator that first calls fn(args...), which returns one, and keeps both alive as long as itself: this
/// makes lambdas with captures safe. Arguments are kept and handed over as by std::thread.
template <class F, class... Args>
  requires is_async_generator<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>
auto make_async_generator(F&& fn, Args&&... args) -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;

/// Closes all async generators that have begun on the loop and not ended, at the same time, and waits for them. What
/// they throw is reported to the loop's exception handler. run() does this at its end, when the tasks have ended.
/// Mirrors loop.shutdown_asyncgens().
template <class = detail::only_if_used>
task<> shutdown_asyncgens(event_loop& loop = event_loop::current());

// ---- details ----

template <class T>
class [[nodiscard("weft: next() does nothing until it is awaited: write co_await generator.next()")]] next_awaiter {
 public:
  explicit next_awaiter(const async_generator<T>& generator) noexcept : generator_(&generator) {}

  bool await_ready() {
    body_ = static_cast<async_generator_promise<T>*>(generator_->body());
    return body_ == nullptr;
  }
  void await_suspend(task_state& waiting) { body_->run_on(waiting); }
  std::optional<stored_t<T>> await_resume() {
    if (body_ == nullptr) return std::nullopt;
    if (!body_->yielded()) {
      body_->end().value();
      return std::nullopt;
    }
    std::optional<stored_t<T>> item(std::move(body_->item));
    body_->item.reset();
    body_->close_if_dropped();
    return item;
  }

 private:
  const async_generator<T>* generator_;
  async_generator_promise<T>* body_ = nullptr;
};

template <class T>
class async_generator_promise final : public async_generator_body {
  using object = std::remove_reference_t<T>;
  static constexpr bool gives_const_references = std::is_lvalue_reference_v<T> && std::is_const_v<object>;

  static_assert(!std::is_void_v<T>, "weft: an async generator of nothing gives nothing; write async_generator<int>");
  static_assert(!std::is_rvalue_reference_v<T>,
                "weft: an async generator cannot yield rvalue references: yield values");
  static_assert(alignof(stored_t<T>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                "weft: what an async generator yields cannot be over-aligned; yield a std::unique_ptr to it");

 public:
  explicit async_generator_promise(std::source_location where = std::source_location::current()) noexcept
      : async_generator_body(where) {}

  async_generator<T> get_return_object() noexcept { return async_generator<T>(*this); }

  co_yield_awaiter yield_value(object&& value)
    requires(!std::is_lvalue_reference_v<T>)
  {
    static_assert(safe_argument<object>, WEFT_UNSAFE_ARGUMENT_ADVICE);
    item.emplace(std::move(value));
    return co_yield_awaiter(*this);
  }
  co_yield_awaiter yield_value(const object& value)
    requires(!std::is_reference_v<T> && std::copy_constructible<object>)
  {
    item.emplace(value);
    return co_yield_awaiter(*this);
  }
  co_yield_awaiter yield_value(object& value) noexcept
    requires std::is_lvalue_reference_v<T>
  {
    item.emplace(value);
    return co_yield_awaiter(*this);
  }
  // Lives in the frame until the body goes on.
  co_yield_awaiter yield_value(std::remove_const_t<object>&& value) noexcept
    requires gives_const_references
  {
    static_assert(safe_argument<std::remove_const_t<object>>, WEFT_UNSAFE_ARGUMENT_ADVICE);
    item.emplace(static_cast<object&>(value));
    return co_yield_awaiter(*this);
  }

  template <class Range>
  co_yield_awaiter yield_value(elements_of<Range>) {
    static_assert(!sizeof(elements_of<Range>*),
                  "weft: an async generator cannot hand over by elements_of(), as in Python: loop, and co_yield each");
    std::abort();
  }

  std::optional<stored_t<T>> item;
};

namespace detail {

template <class Generator, class F, class... Args>
Generator call_and_keep_async_generator(F fn, Args... args) {
  Generator inner = std::invoke(std::move(fn), std::move(args)...);
  bool closed = false;
  try {
    while (auto item = co_await inner.next()) {
      if constexpr (std::is_reference_v<typename Generator::value_type>) {
        co_yield item->get();
      } else {
        co_yield *std::move(item);
      }
    }
  } catch (const generator_exit&) {
    closed = true;
  }
  if (closed) co_await inner.close();
}

template <class = only_if_used>
task<> close_body(async_generator_body* body) {
  co_await generator_close_awaiter(*body);
}

// For shutdown_hooks.
template <class = only_if_used>
task<> close_open_generators(event_loop& loop) {
  const auto* open = loop.local_or_null<open_generators>();
  return open == nullptr || open->empty() ? task<>() : shutdown_asyncgens(loop);
}

}  // namespace detail

template <class F, class... Args>
  requires is_async_generator<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>
auto make_async_generator(F&& fn, Args&&... args) -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...> {
  static_assert(safe_argument<F> && (safe_argument<Args> && ...), WEFT_UNSAFE_ARGUMENT_ADVICE);
  return detail::call_and_keep_async_generator<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>,
                                               std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(fn),
                                                                                       std::forward<Args>(args)...);
}

template <class>
void open_generators::admit(async_generator_body& body, event_loop& loop) {
  auto& open = loop.local<open_generators>();
  if (open.loop_ == nullptr) {
    loop.local<shutdown_hooks>().add(detail::close_open_generators<>);
    open.close_ = detail::close_body<>;
    open.loop_ = &loop;
  }
  open.bodies_.push_back(body);
  body.set_open(&open);
}

template <class>
task<> shutdown_asyncgens(event_loop& loop) {
  auto& open = loop.local<open_generators>();
  std::vector<task_handle<>> closing;
  while (!open.empty()) {
    closing.emplace_back();  // so that what may fail comes first
    closing.back() = open.close_in_task(open.take_oldest());
  }
  const std::vector<outcome<>> ends = co_await gather_outcomes(closing);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (!ends[i].failed()) continue;
    loop.call_exception_handler(exception_context::compose("an error occurred during closing of an async generator",
                                                           ends[i].exception(), &closing[i].state().label()));
  }
}

static_assert(awaiter<next_awaiter<int>> && awaiter<generator_close_awaiter>);

}  // namespace weft
