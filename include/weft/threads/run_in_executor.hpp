// Calls a function in a thread of a pool, and waits for its result without blocking the loop.
// SPDX-License-Identifier: MIT
//
// asyncio's loop.run_in_executor(). The call is an object that the waiting task and the thread share, since either may
// let go first: a task that is cancelled does not wait for a function that nobody can interrupt. It is the pool's job
// and later an entry of the loop's queue, so the way there and back allocates nothing, and nothing can fail after the
// function has run.
//
//     weft::thread_pool pool(2);
//     const std::string text = co_await weft::run_in_executor(pool, read_file, "a.txt");
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/task_state.hpp>
#include <weft/threads/thread_pool.hpp>

#include <atomic>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weft {

template <class R, bool IsFuture>
class executor_awaiter;

/// What a function returns that is called elsewhere, with copies of its arguments.
template <class F, class... Args>
using call_result = std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;

/// Calls fn(args...) in a thread of `pool` and gives what it returns, or rethrows what it throws. Function and
/// arguments are kept as by std::thread, and destroyed in either thread. Resumes one pass after the loop has heard of
/// the end. The pool must outlive the call. Throws queue_full_error and std::system_error as thread_pool::post() does.
/// While the function runs, the loop waits for it instead of reporting a deadlock.
///
/// Cancelled: has not happened if no thread had taken the call yet. Else in part: the function runs to its end, and
/// what it returns or throws is dropped.
template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
auto run_in_executor(thread_pool& pool, F&& fn, Args&&... args) -> executor_awaiter<call_result<F, Args...>, true>;

// ---- details ----

/// A call, whatever it returns; shared by the task, the pool and the loop's queue.
class executor_call : public pool_job, public runnable {
 public:
  executor_call(const executor_call&) = delete;
  executor_call& operator=(const executor_call&) = delete;

  /// Gives the call to the pool, on behalf of the task that waits.
  static void start(const std::shared_ptr<executor_call>& call, thread_pool& pool, task_state& waiting) {
    call->home_.emplace(waiting.loop().remote());
    call->waiting_ = &waiting;
    call->in_flight_ = call;
    try {
      pool.post(*call);
    } catch (...) {
      call->in_flight_ = nullptr;
      call->waiting_ = nullptr;
      call->home_.reset();
      throw;
    }
  }

  /// Nobody waits for it any more; false if it has come back already. If no thread has it yet, none will call it.
  bool give_up() noexcept {
    if (waiting_ == nullptr) return false;
    waiting_ = nullptr;
    stage expected = stage::queued;
    stage_.compare_exchange_strong(expected, stage::withdrawn, std::memory_order_acq_rel);
    return true;
  }

 protected:
  executor_call() = default;
  virtual ~executor_call() = default;

  virtual void call() noexcept = 0;

 private:
  enum class stage : unsigned char { queued, taken, withdrawn };

  void work() noexcept final {
    stage expected = stage::queued;
    if (stage_.compare_exchange_strong(expected, stage::taken, std::memory_order_acq_rel)) call();
    // As soon as it is posted this may be gone, so the way home is kept here.
    const remote_loop home = std::move(*home_);
    try {
      home.post(*this);
    } catch (const loop_closed_error&) {
      const std::shared_ptr<executor_call> last = std::move(in_flight_);
    }
  }

  void run() final {
    const std::shared_ptr<executor_call> self = std::move(in_flight_);
    if (waiting_ != nullptr) std::exchange(waiting_, nullptr)->wake();
  }
  void discard() noexcept final { const std::shared_ptr<executor_call> self = std::move(in_flight_); }

  std::optional<remote_loop> home_;
  std::shared_ptr<executor_call> in_flight_;  // itself, until it has come back
  task_state* waiting_ = nullptr;             // the loop's thread only
  std::atomic<stage> stage_{stage::queued};
};

template <class R>
class call_for : public executor_call {
 public:
  outcome<R> result;
};

template <class R, class F, class... Args>
class call_of final : public call_for<R> {
 public:
  template <class GivenF, class... GivenArgs>
  explicit call_of(GivenF&& fn, GivenArgs&&... args)
      : bound_(std::forward<GivenF>(fn), std::forward<GivenArgs>(args)...) {}

 private:
  void call() noexcept override {
    const auto invoke = [](F& fn, Args&... args) -> R { return std::invoke(std::move(fn), std::move(args)...); };
    try {
      if constexpr (std::is_void_v<R>) {
        std::apply(invoke, bound_);
        this->result.emplace();
      } else {
        this->result.emplace(std::apply(invoke, bound_));
      }
    } catch (const cancelled_error&) {
      this->result.cancel();
    } catch (...) {
      this->result.fail(std::current_exception());
    }
  }

  std::tuple<F, Args...> bound_;
};

/// In asyncio run_in_executor() makes a future and to_thread() is a coroutine: combinators can tell them apart.
template <class R, bool IsFuture>
class [[nodiscard(
    "weft: no function is called until this is awaited: write co_await to_thread(...)")]] executor_awaiter final
    : public waitable {
 public:
  static constexpr bool is_future = IsFuture;
  static constexpr bool ends_by_destruction = true;

  executor_awaiter(thread_pool& pool, std::shared_ptr<call_for<R>> call) noexcept
      : pool_(&pool), call_(std::move(call)) {}
  executor_awaiter(executor_awaiter&& unstarted) noexcept
      : waitable(), pool_(unstarted.pool_), call_(std::move(unstarted.call_)) {}
  ~executor_awaiter() {
    if (call_ != nullptr) call_->give_up();
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting) {
    if (call_ == nullptr)
      throw invalid_state_error("weft: this call was awaited before, or moved from: make a new one");
    executor_call::start(call_, *pool_, waiting);
    waiting_ = &waiting;
    waiting.wait_on(*this);
  }
  R await_resume() {
    const std::shared_ptr<call_for<R>> ended = std::move(call_);
    return std::move(ended->result).value();
  }

  bool cancel(cancel_walk&) noexcept override {
    if (!call_->give_up()) return false;
    call_.reset();  // the thread that calls it may keep it for long
    waiting_->wake_cancelled();
    return true;
  }
  std::string describe() const override { return "a call in another thread"; }

 private:
  thread_pool* pool_;
  std::shared_ptr<call_for<R>> call_;
  task_state* waiting_ = nullptr;
};

template <bool IsFuture, class F, class... Args>
auto make_executor_call(thread_pool& pool, F&& fn, Args&&... args) {
  static_assert(safe_argument<F> && (safe_argument<Args> && ...), WEFT_UNSAFE_ARGUMENT_ADVICE);
  using result = call_result<F, Args...>;
  static_assert(
      !is_task<std::remove_cvref_t<result>>,
      "weft: a coroutine runs on a loop, not in a pool's thread: give it to create_task(), or call a function "
      "that is no coroutine");
  using call = call_of<result, std::decay_t<F>, std::decay_t<Args>...>;
  return executor_awaiter<result, IsFuture>(pool,
                                            std::make_shared<call>(std::forward<F>(fn), std::forward<Args>(args)...));
}

template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
auto run_in_executor(thread_pool& pool, F&& fn, Args&&... args) -> executor_awaiter<call_result<F, Args...>, true> {
  return make_executor_call<true>(pool, std::forward<F>(fn), std::forward<Args>(args)...);
}

static_assert(awaiter<executor_awaiter<int, true>>);

}  // namespace weft
