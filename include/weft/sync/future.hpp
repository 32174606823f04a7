// A result that is not there yet, and that anything on the loop may set: the bridge from callbacks to co_await.
// SPDX-License-Identifier: MIT
//
// asyncio.Future. A future is a counted reference, so that the callback that sets it and the task that waits for it can
// both keep it. Done callbacks and waiting tasks stand in one list, since they are told in the order in which they
// came; a waiting task stands there itself, so waiting allocates nothing. Everything happens on the loop's thread;
// another thread posts what sets it, through loop.remote().
//
//     weft::future<int> answer;
//     library_call([answer](int n) { answer.set_result(n); });
//     int n = co_await answer;
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/callback.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/frame_pool.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

template <class T, class Result>
class future_awaiter;

/// What the copies of a future share. The loop tells it when it goes.
template <class T>
class future_state final : public tenant {
 public:
  explicit future_state(event_loop& loop) noexcept : loop_(&loop) { loop.admit(*this); }
  future_state(const future_state&) = delete;
  future_state& operator=(const future_state&) = delete;

  static void* operator new(std::size_t size) { return detail::frame_pool::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { detail::frame_pool::deallocate(memory, size); }

  // A result may be over-aligned, which the pool does not serve.
  static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }

  event_loop* loop() const noexcept { return loop_; }

  void add_done_callback(runnable& r) noexcept {
    if (!result.pending()) {
      loop_->schedule(r);
    } else {
      callbacks_.push_back(r);
    }
  }

  /// The result is there: those who wait are told in the next pass.
  void done() noexcept {
    if (loop_ != nullptr) loop_->schedule(callbacks_);
  }
  bool cancel() noexcept {
    if (!result.pending()) return false;
    result.cancel();
    done();
    return true;
  }

  void look() noexcept { looked_at_ = true; }

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) dispose();
  }

  void run() noexcept override {}
  void abandon() noexcept override {
    loop_ = nullptr;
    retain();  // the callbacks may hold the last references
    while (!callbacks_.empty()) callbacks_.pop_front().discard();
    release();
  }
  std::string report() const override { return {}; }

  outcome<T> result;

 private:
  ~future_state() {
    if (loop_ != nullptr) loop_->leave(*this);
    while (!callbacks_.empty()) callbacks_.pop_front().discard();
  }

  WEFT_COLD void dispose() noexcept {
    if (result.failed() && !looked_at_) {
      const auto context = exception_context::compose("Future exception was never retrieved", result.exception());
      if (loop_ != nullptr) {
        loop_->call_exception_handler(context);
      } else {
        exception_handler::report(context);
      }
    }
    delete this;
  }

  event_loop* loop_;
  ready_queue callbacks_;
  std::uint32_t references_ = 1;
  bool looked_at_ = false;
};

/// A reference to a result of type T (void and references, too) that is set once. Copyable, comparable.
template <class T = void>
class [[nodiscard]] future {
 public:
  using value_type = T;

  /// A pending future of the loop that runs in this thread, or of `loop` (loop.create_future()). Throws usage_error if
  /// no loop runs.
  future() : future(event_loop::current()) {}
  explicit future(event_loop& loop) : state_((loop.check_usable(), new future_state<T>(loop))) {}
  future(const future& other) noexcept : state_(other.state_) { state_->retain(); }
  future& operator=(future other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~future() { state_->release(); }

  friend bool operator==(const future&, const future&) noexcept = default;

  /// Ends it with a value made from the arguments, or with an exception; those who wait resume in the next pass. Throws
  /// invalid_state_error if it is done (InvalidStateError), std::invalid_argument for a null exception; nothing has
  /// changed then. An exception that nobody looks at is reported.
  template <class... Args>
    requires std::constructible_from<stored_t<T>, Args...>
  void set_result(Args&&... args) const {
    check_pending();
    state_->result.emplace(std::forward<Args>(args)...);
    state_->done();
  }
  void set_exception(std::exception_ptr failure) const {
    if (failure == nullptr) throw std::invalid_argument("weft: set_exception() needs an exception, not null");
    check_pending();
    state_->result.fail(std::move(failure));
    state_->done();
  }
  template <class Exception>
    requires(!std::convertible_to<Exception, std::exception_ptr>)
  void set_exception(Exception failure) const {
    set_exception(std::make_exception_ptr(std::move(failure)));
  }

  /// Ends it as cancelled: those who wait get cancelled_error. False if it is done. Mirrors Future.cancel().
  bool cancel() const noexcept { return state_->cancel(); }

  bool done() const noexcept { return !state_->result.pending(); }
  bool cancelled() const noexcept { return state_->result.cancelled(); }
  /// Whether it has an exception; this is not looking at it.
  bool failed() const noexcept { return state_->result.failed(); }

  /// The result: a reference to it, valid as long as a copy of the future is; from an rvalue the result itself, moved
  /// out. Rethrows its exception, throws cancelled_error, or invalid_state_error while it is pending.
  kept_t<T> result() const& {
    look_if_done();
    return std::as_const(state_->result).value();
  }
  T result() && {
    look_if_done();
    return std::move(state_->result).value();
  }

  /// The exception, or null. Throws cancelled_error if it was cancelled, invalid_state_error while it is pending.
  std::exception_ptr exception() const {
    if (!done()) throw invalid_state_error("weft: the future is not done, so it has no exception yet; await it first");
    if (cancelled()) throw cancelled_error();
    look_if_done();
    return state_->result.exception();
  }

  /// Calls fn(future) in the pass after it is done; in the next one if it is. The handle's cancel() takes that back.
  /// Throws loop_closed_error if the loop has gone.
  template <class F>
    requires std::invocable<std::decay_t<F>, future>
  callback_handle add_done_callback(F&& fn) const {
    if (state_->loop() == nullptr) throw loop_closed_error();
    state_->loop()->check_usable();
    callback& c = *make_callback(std::forward<F>(fn), *this);
    state_->add_done_callback(c);
    return callback_handle(c);
  }

  /// Waits until it is done. Gives a reference to the result from a named future; from a temporary the result itself,
  /// copied, or moved out if it can only be moved. No pass if it is done. Cancelling the wait cancels the future, and
  /// so everybody who waits for it; shield() prevents that. Mirrors `await future`.
  future_awaiter<T, kept_t<T>> operator co_await() const& noexcept { return future_awaiter<T, kept_t<T>>(*state_); }
  future_awaiter<T, T> operator co_await() && noexcept { return future_awaiter<T, T>(*state_); }

 private:
  void check_pending() const {
    if (done()) throw invalid_state_error("weft: the future is done already; ask done() first");
  }
  void look_if_done() const noexcept {
    if (done()) state_->look();
  }

  future_state<T>* state_;
};

// ---- details ----

/// T is what the future holds, Result what co_await gives: T itself, or a reference to what the future keeps.
template <class T, class Result>
class future_awaiter final : public waitable {
 public:
  static constexpr bool is_future = true;

  explicit future_awaiter(future_state<T>& state) noexcept : state_(state) { state_.retain(); }
  future_awaiter(const future_awaiter& unstarted) noexcept : waitable(), state_(unstarted.state_) { state_.retain(); }
  future_awaiter& operator=(const future_awaiter&) = delete;
  ~future_awaiter() { state_.release(); }

  bool await_ready() const noexcept { return !state_.result.pending(); }

  void await_suspend(task_state& waiting) {
    if (state_.loop() != &waiting.loop()) {
      refused_ = true;
      return waiting.take_another_turn();  // asyncio throws in the next pass, too
    }
    waiting.wait_on(*this);
    state_.add_done_callback(waiting);
  }

  Result await_resume() {
    if (refused_) {
      throw usage_error("weft: the future belongs to another loop; let that loop set it, through its remote()");
    }
    state_.look();
    if constexpr (std::is_same_v<Result, T> && !std::is_copy_constructible_v<stored_t<T>>) {
      return std::move(state_.result).value();
    } else {
      return std::as_const(state_.result).value();
    }
  }
  void await_cancelled() noexcept {
    if (!state_.result.pending()) state_.look();
  }

  bool cancel(cancel_walk&) noexcept override { return state_.cancel(); }
  std::string describe() const override { return "a future"; }

 private:
  future_state<T>& state_;
  bool refused_ = false;
};

static_assert(awaiter<future_awaiter<int, int>> && makes_awaiter<future<int>>);

}  // namespace weft
