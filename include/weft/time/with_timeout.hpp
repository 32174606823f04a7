// Gives a body a time limit.
// SPDX-License-Identifier: MIT
//
// asyncio.timeout(). The body runs in the caller's task; when the time is over, the task is cancelled, and when the
// body has ended for that reason and no other, the cancellation becomes a timeout_error. Scope and timer live in the
// awaiter, in the caller's frame: a limit that is not reached costs no allocation and no pass.
//
//     int n = co_await weft::with_timeout(10ms, read_number());
//     co_await weft::with_timeout(1s, [&](weft::timeout_scope& limit) -> weft::task<> {
//       co_await connect();
//       limit.reschedule(weft::event_loop::current().time() + 5s);
//       co_await talk();
//     });
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/nested_task.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_state.hpp>

#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace weft {

/// A time limit that is in force around a body (asyncio.Timeout).
class timeout_scope final : private timer {
 public:
  timeout_scope() = default;
  timeout_scope(const timeout_scope&) = delete;
  timeout_scope& operator=(const timeout_scope&) = delete;
  ~timeout_scope() {
    if (task_ != nullptr) task_->loop().disarm(*this);
  }

  /// When the limit is over, on the loop's clock; nothing: never.
  std::optional<time_point> when() const noexcept { return when_; }

  /// Moves the limit: a time that is over ends the body at its next wait. Throws usage_error if the limit is over
  /// already, or the body has ended.
  void reschedule(std::optional<time_point> when);

  /// Whether the limit was over before the body had ended. True also when the body has swallowed the cancellation.
  bool expired() const noexcept { return state_ == state::expiring || state_ == state::expired; }

  // ---- for those who write scopes ----

  /// Before the body, and after it: whether a cancellation that ended it was the limit's alone.
  void enter(task_state& running, time_limit span);
  void enter(task_state& running, std::optional<time_point> when);
  bool leave() noexcept;

 private:
  enum class state : unsigned char { created, entered, expiring, expired, left };

  void enter(task_state& running) noexcept;
  void arm(std::optional<time_point> when, time_point now);

  void run() override {
    state_ = state::expiring;
    task_->cancel();
  }

  task_state* task_ = nullptr;
  std::optional<time_point> when_;
  int requests_before_ = 0;
  state state_ = state::created;
};

namespace detail {

template <class Body>
concept timed_function = task_function<Body> || task_function<Body, timeout_scope&>;

}  // namespace detail

/// What with_timeout() returns: T is what the body returns, Body a task or a function that makes it; Limit is a span of
/// time that begins with the body, or a point in time.
template <class T, class Body, class Limit>
class timeout_awaiter;

/// Runs the body, a task or a function that returns one (with or without a timeout_scope& as argument), or waits for an
/// operation or a handle, in this task, and returns the result. When `limit` is over before that has ended, it is
/// cancelled as task_ref::cancel() does, and if that is how it ends, timeout_error is thrown; another exception, or a
/// result in spite of it, passes. A limit that is not positive is over at the body's first wait; std::nullopt is none.
/// Cancelled: as the body is. Throws std::invalid_argument as sleep_for() does. Mirrors asyncio.timeout().
template <class T>
timeout_awaiter<T, task<T>, time_limit> with_timeout(time_limit limit, task<T>&& body);
template <detail::timed_function Body>
auto with_timeout(time_limit limit, Body&& body);
template <operation Body>
auto with_timeout(time_limit limit, Body&& body);

/// The same until a point in time on the loop's clock. Mirrors asyncio.timeout_at().
template <class T>
timeout_awaiter<T, task<T>, std::optional<time_point>> with_timeout_at(std::optional<time_point> when, task<T>&& body);
template <detail::timed_function Body>
auto with_timeout_at(std::optional<time_point> when, Body&& body);
template <operation Body>
auto with_timeout_at(std::optional<time_point> when, Body&& body);

/// Not a body: says what to write instead.
template <class Given>
  requires(!startable<Given> && !detail::timed_function<Given>)
refused with_timeout(time_limit, Given&&) {
  explain_not_startable<Given>();
  return {};
}
template <class Given>
  requires(!startable<Given> && !detail::timed_function<Given>)
refused with_timeout_at(std::optional<time_point>, Given&&) {
  explain_not_startable<Given>();
  return {};
}

// ---- details ----

inline void timeout_scope::enter(task_state& running) noexcept {
  task_ = &running;
  state_ = state::entered;
  requests_before_ = running.cancelling();
}

inline void timeout_scope::enter(task_state& running, time_limit span) {
  enter(running);
  if (span.unlimited()) return;
  const time_point now = running.loop().time();
  arm(deadline_after(now, span.span()), now);
}

inline void timeout_scope::enter(task_state& running, std::optional<time_point> when) {
  enter(running);
  arm(when, running.loop().time());
}

inline void timeout_scope::reschedule(std::optional<time_point> when) {
  if (state_ != state::entered) {
    throw usage_error("weft: the time limit cannot be moved: it is over, or its body has not begun or has ended");
  }
  event_loop& loop = task_->loop();
  loop.disarm(*this);
  arm(when, loop.time());
}

inline void timeout_scope::arm(std::optional<time_point> when, time_point now) {
  when_ = when;
  if (!when) return;
  event_loop& loop = task_->loop();
  if (*when <= now) {
    loop.schedule(*this);
  } else {
    loop.arm(*this, *when);
  }
}

inline bool timeout_scope::leave() noexcept {
  task_->loop().disarm(*this);
  if (state_ != state::expiring) {
    state_ = state::left;
    return false;
  }
  state_ = state::expired;
  return task_->uncancel() <= requests_before_;
}

template <class T, class Body, class Limit>
class [[nodiscard(
    "weft: a body with a time limit does nothing until it is awaited: write co_await "
    "with_timeout(...)")]] timeout_awaiter {
 public:
  timeout_awaiter(Limit limit, Body&& body) : limit_(limit), body_(std::move(body)) {}
  timeout_awaiter(timeout_awaiter&& unstarted) : limit_(unstarted.limit_), body_(std::move(unstarted.body_)) {}

  bool await_ready() const noexcept { return false; }

  void await_suspend(task_state& waiting) {
    scope_.enter(waiting, limit_);
    try {
      running_ = nested_task<T>(make());
      running_.start(waiting);
    } catch (...) {
      scope_.leave();
      throw;
    }
  }

  T await_resume() {
    outcome<T> result = running_.take_outcome();
    if (scope_.leave() && result.cancelled()) throw timeout_error();
    return std::move(result).value();
  }

 private:
  task<T> make() {
    if constexpr (is_task<Body>) {
      return std::move(body_);
    } else if constexpr (task_function<Body, timeout_scope&>) {
      return std::invoke(body_, scope_);
    } else {
      return std::invoke(body_);
    }
  }

  Limit limit_;
  Body body_;  // a function outlives the coroutine that it makes
  timeout_scope scope_;
  nested_task<T> running_;
};

namespace detail {

template <class Limit, class Body>
auto make_timeout(Limit limit, Body&& body) {
  static_assert(safe_argument<Body>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  using function = std::decay_t<Body>;
  if constexpr (task_function<function, timeout_scope&>) {
    using result = typename std::invoke_result_t<function&, timeout_scope&>::value_type;
    return timeout_awaiter<result, function, Limit>(limit, function(std::forward<Body>(body)));
  } else {
    using result = typename std::invoke_result_t<function&>::value_type;
    return timeout_awaiter<result, function, Limit>(limit, function(std::forward<Body>(body)));
  }
}

}  // namespace detail

template <class T>
timeout_awaiter<T, task<T>, time_limit> with_timeout(time_limit limit, task<T>&& body) {
  return timeout_awaiter<T, task<T>, time_limit>(limit, std::move(body));
}
template <detail::timed_function Body>
auto with_timeout(time_limit limit, Body&& body) {
  return detail::make_timeout(limit, std::forward<Body>(body));
}
template <class T>
timeout_awaiter<T, task<T>, std::optional<time_point>> with_timeout_at(std::optional<time_point> when, task<T>&& body) {
  return timeout_awaiter<T, task<T>, std::optional<time_point>>(when, std::move(body));
}
template <detail::timed_function Body>
auto with_timeout_at(std::optional<time_point> when, Body&& body) {
  return detail::make_timeout(when, std::forward<Body>(body));
}

template <operation Body>
auto with_timeout(time_limit limit, Body&& body) {
  return with_timeout(limit, as_startable(std::forward<Body>(body)).here());
}
template <operation Body>
auto with_timeout_at(std::optional<time_point> when, Body&& body) {
  return with_timeout_at(when, as_startable(std::forward<Body>(body)).here());
}

static_assert(awaiter<timeout_awaiter<int, task<int>, time_limit>>);

}  // namespace weft
