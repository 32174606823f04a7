// Waits for something, but not longer than a given time.
// SPDX-License-Identifier: MIT
//
// asyncio.wait_for(): a task given as a coroutine runs inside the current task under a time limit; a running task is
// cancelled when the time is over, and waited for. wait_for() returns only when what it waited for has ended.
//
//     int n = co_await weft::wait_for(read_number(), 10ms);
//     co_await weft::wait_for(door.wait(), 1s);         // an event
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/time/with_timeout.hpp>

#include <optional>
#include <string>
#include <utility>

namespace weft {

/// Waits for a task, a function that returns one, a handle or another operation, and returns its result (that of a
/// handle is copied, or moved out if it can only be moved). When `limit` is over first, what it waits for is cancelled
/// and waited for, and timeout_error thrown; a result or an exception that comes in spite of that is passed on. With a
/// limit that is not positive nothing new starts: a handle that is done gives its result, all else times out.
/// Cancelled: so is what it waits for; shield() prevents that. Throws std::invalid_argument as sleep_for() does.
/// Mirrors asyncio.wait_for().
template <startable Awaited>
auto wait_for(Awaited&& awaited, time_limit limit);

/// The same until a point in time on the loop's clock.
template <startable Awaited>
auto wait_until(Awaited&& awaited, time_point deadline);

/// Not a wait: says what to write instead.
template <class Given>
  requires(!startable<Given>)
refused wait_for(Given&&, time_limit) {
  explain_not_startable<Given>();
  return {};
}
template <class Given>
  requires(!startable<Given>)
refused wait_until(Given&&, time_point) {
  explain_not_startable<Given>();
  return {};
}

// ---- details ----

/// Cancels a task and waits until it has ended, however: nothing is thrown for that. If the one that waits is itself
/// cancelled, it waits no longer.
class cancel_and_wait final : public waitable, private runnable {
 public:
  explicit cancel_and_wait(task_ref target) noexcept : target_(std::move(target)) {}
  cancel_and_wait(cancel_and_wait&& unstarted) noexcept
      : waitable(), runnable(), target_(std::move(unstarted.target_)) {}
  ~cancel_and_wait() { unlink(); }

  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting) {
    if (&target_.state().loop() != &waiting.loop()) {
      throw usage_error("weft: the task belongs to another loop; reach that loop through its remote()");
    }
    waiting_ = &waiting;
    target_.state().add_done_callback(*this);
    target_.cancel();
    waiting.wait_on(*this);
  }
  void await_resume() const noexcept {}
  void await_cancelled() noexcept { unlink(); }

  bool cancel(cancel_walk&) noexcept override {
    if (woken_) return false;
    woken_ = true;
    waiting_->wake_cancelled();
    return true;
  }
  std::string describe() const override { return "task '" + target_.name() + "', cancelled, to end"; }

 private:
  void run() override {
    if (woken_) return;
    woken_ = true;
    waiting_->wake();
  }

  task_ref target_;
  task_state* waiting_ = nullptr;
  bool woken_ = false;
};

namespace detail {

// Nothing new starts: what is done gives its result, all else is cancelled at once.
template <class T>
task<T> wait_no_longer(startable_task<T> awaited) {
  running_task_of<T> running = awaited.start(event_loop::current());
  if (!running.done()) {
    co_await cancel_and_wait(running);
    if (running.cancelled()) throw timeout_error();
  }
  co_return shared_result(std::move(running));
}

template <class T>
task<T> wait_with_limit(startable_task<T> awaited, time_limit limit) {
  if (limit.is_over()) co_return co_await wait_no_longer(std::move(awaited));
  co_return co_await with_timeout(limit, std::move(awaited).here());
}

template <class T>
task<T> wait_with_deadline(startable_task<T> awaited, time_point deadline) {
  if (deadline <= event_loop::current().time()) co_return co_await wait_no_longer(std::move(awaited));
  co_return co_await with_timeout_at(deadline, std::move(awaited).here());
}

}  // namespace detail

template <startable Awaited>
auto wait_for(Awaited&& awaited, time_limit limit) {
  return detail::wait_with_limit(as_startable(std::forward<Awaited>(awaited)), limit);
}

template <startable Awaited>
auto wait_until(Awaited&& awaited, time_point deadline) {
  return detail::wait_with_deadline(as_startable(std::forward<Awaited>(awaited)), deadline);
}

}  // namespace weft
