// Starts a coroutine on a loop from another thread, and gives that thread the result.
// SPDX-License-Identifier: MIT
//
// asyncio.run_coroutine_threadsafe(). asyncio returns a concurrent.futures.Future, which can be cancelled; std::future
// cannot, so what is returned here is one that can. The coroutine is made on the loop: a coroutine object is not for
// two threads.
//
//     auto remote = loop.remote();
//     weft::threadsafe_future<int> f = weft::run_coroutine_threadsafe(remote, read_number, "a.txt");   // any thread
//     int n = f.get();
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

/// What the thread that asked and the task share.
class threadsafe_call {
 public:
  threadsafe_call() = default;
  threadsafe_call(const threadsafe_call&) = delete;
  threadsafe_call& operator=(const threadsafe_call&) = delete;

  // The loop's thread only. The task, while it runs; whether it was cancelled before it ran.
  task_state* running = nullptr;
  bool cancelled = false;
};

/// A std::future whose task can be cancelled. get() throws what the coroutine throws, cancelled_error if the task was
/// cancelled or ended with its loop, loop_closed_error if the loop went before there was a task. It may be used, and
/// dropped, in any thread; in the loop's own one, which would wait for itself, get() and wait() throw usage_error until
/// the result is there.
template <class T>
class [[nodiscard]] threadsafe_future : public std::future<T> {
 public:
  threadsafe_future(std::future<T> result, remote_loop remote, std::shared_ptr<threadsafe_call> call) noexcept
      : std::future<T>(std::move(result)), remote_(std::move(remote)), call_(std::move(call)) {}

  T get() {
    check_wait();
    return std::future<T>::get();
  }
  void wait() const {
    check_wait();
    std::future<T>::wait();
  }

  /// Asks the loop to cancel the task; does nothing if that has ended. Throws std::bad_alloc.
  void cancel() const;

 private:
  void check_wait() const;

  remote_loop remote_;
  std::shared_ptr<threadsafe_call> call_;
};

/// Calls fn(args...), a coroutine, on the loop of `remote` and runs it as a task. Both are kept alive until it has
/// ended. Throws loop_closed_error if the loop has gone. The task cancelled there: get() throws cancelled_error.
/// Mirrors asyncio.run_coroutine_threadsafe().
template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto run_coroutine_threadsafe(const remote_loop& remote, F&& fn, Args&&... args);

/// A coroutine object is not for two threads: says what to write instead.
template <class T>
refused run_coroutine_threadsafe(const remote_loop&, task<T>&&) {
  static_assert(
      !sizeof(task<T>*),
      "weft: a coroutine is made on the loop that runs it: write run_coroutine_threadsafe(remote, f, args...)");
  return {};
}

// ---- details ----

template <class T>
void threadsafe_future<T>::check_wait() const {
  const bool there = this->wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  if (!there && remote_.runs_here()) {
    throw usage_error("weft: the loop would wait for itself here: co_await the coroutine, or wait in another thread");
  }
}

template <class T>
void threadsafe_future<T>::cancel() const {
  try {
    remote_.call_soon_threadsafe([call = call_] {
      call->cancelled = true;
      if (call->running != nullptr) call->running->cancel();
    });
  } catch (const loop_closed_error&) {
  }
}

/// The promise that a coroutine keeps to another thread. Broken, it says why: the loop has gone, or, once there is a
/// task, that this was cancelled before it ran.
template <class T>
class threadsafe_promise {
 public:
  explicit threadsafe_promise(std::promise<T> promise) noexcept : promise_(std::move(promise)) {}
  threadsafe_promise(threadsafe_promise&& other) noexcept
      : promise_(std::move(other.promise_)), has_task_(other.has_task_), kept_(std::exchange(other.kept_, true)) {}
  ~threadsafe_promise() {
    if (kept_) return;
    try {
      if (has_task_) throw cancelled_error();
      throw loop_closed_error();
    } catch (...) {  // one of them, or std::bad_alloc in their place
      fail(std::current_exception());
    }
  }

  void has_task() noexcept { has_task_ = true; }

  template <class... Value>
  void keep(Value&&... value) {
    kept_ = true;
    promise_.set_value(std::forward<Value>(value)...);
  }
  void fail(std::exception_ptr failure) {
    kept_ = true;
    promise_.set_exception(std::move(failure));
  }

 private:
  std::promise<T> promise_;
  bool has_task_ = false;
  bool kept_ = false;
};

namespace detail {

template <class T>
task<> keep_promise(task<T> body, threadsafe_promise<T> promise, std::shared_ptr<threadsafe_call> call) {
  struct at_end {
    threadsafe_call& call;
    ~at_end() { call.running = nullptr; }
  } guard{*call};
  call->running = task_state::current();
  try {
    if (call->cancelled) throw cancelled_error();
    if constexpr (std::is_void_v<T>) {
      co_await std::move(body);
      promise.keep();
    } else {
      promise.keep(co_await std::move(body));
    }
  } catch (const cancelled_error&) {
    promise.fail(std::current_exception());
    throw;
  } catch (...) {
    promise.fail(std::current_exception());
  }
}

}  // namespace detail

template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto run_coroutine_threadsafe(const remote_loop& remote, F&& fn, Args&&... args) {
  using result = typename std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>::value_type;
  std::promise<result> promise;
  auto call = std::make_shared<threadsafe_call>();
  threadsafe_future<result> future(promise.get_future(), remote, call);
  auto start = [promise = threadsafe_promise<result>(std::move(promise)), call](std::decay_t<F>&& f,
                                                                                std::decay_t<Args>&&... a) mutable {
    promise.has_task();
    event_loop::current().create_task(
        detail::keep_promise<result>(detail::keep_task(std::move(f), std::move(a)...), std::move(promise), call));
  };
  remote.call_soon_threadsafe(std::move(start), std::forward<F>(fn), std::forward<Args>(args)...);
  return future;
}

}  // namespace weft
