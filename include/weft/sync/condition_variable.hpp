// Lets tasks wait until something that a mutex protects has changed.
// SPDX-License-Identifier: MIT
//
// asyncio.Condition: it owns its mutex, so that a notify without the lock can be refused. wait() gives the mutex back,
// waits to be notified and takes the mutex again, also when it is cancelled. All of that happens in one awaiter, which
// waits twice without resuming its task in between, and allocates nothing.
//
//     weft::condition_variable changed;
//     auto lock = co_await changed.lock();
//     co_await changed.wait([&] { return !items.empty(); });
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/was_negative.hpp>
#include <weft/sync/mutex.hpp>

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

class condition_awaiter;

/// asyncio.Condition. It belongs to one loop. Tasks that wait for one that is destroyed can only be cancelled.
class condition_variable {
 public:
  condition_variable() = default;
  /// On a mutex that others use, too; it must outlive this.
  explicit condition_variable(mutex& shared) noexcept : mutex_(&shared) {}
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;

  /// The mutex; see mutex.
  lock_awaiter lock() noexcept { return mutex_->lock(); }
  mutex_lock try_lock() noexcept { return mutex_->try_lock(); }
  bool locked() const noexcept { return mutex_->locked(); }

  /// Gives the mutex back, waits to be notified, and takes it again before it returns or throws. It may return without
  /// a reason, so check what you wait for. Cancelled: has not happened; a notification that had arrived goes to another
  /// waiter. Throws usage_error if the mutex is not locked. Mirrors Condition.wait().
  condition_awaiter wait() noexcept;

  /// Waits until predicate() is true, which is called with the mutex held. Mirrors Condition.wait_for().
  template <class Predicate>
    requires std::predicate<std::decay_t<Predicate>&>
  task<> wait(Predicate&& predicate) {
    static_assert(safe_argument<Predicate>, WEFT_UNSAFE_ARGUMENT_ADVICE);
    return wait_until_true(std::decay_t<Predicate>(std::forward<Predicate>(predicate)));
  }

  /// Wakes one task, n tasks, all tasks that wait; each returns from wait() when it has got the mutex. Throws
  /// usage_error if the mutex is not locked, std::invalid_argument for a negative number. Mirrors Condition.notify()
  /// and notify_all().
  void notify_one() { notify(1); }
  void notify(std::size_t n) {
    if (detail::was_negative(n)) throw std::invalid_argument("weft: notify() of less than no tasks");
    if (!locked()) throw usage_error("weft: notify without the lock: take it first with co_await condition.lock()");
    wake(n);
  }
  void notify_all() { notify(waiters()); }

  /// How many tasks wait to be notified.
  std::size_t waiters() const noexcept { return waiters_.size(); }

 private:
  friend class condition_awaiter;

  template <class Predicate>
  task<> wait_until_true(Predicate predicate);

  void wake(std::size_t n) noexcept {
    for (; n > 0 && waiters_.wake_first(); --n) {
    }
  }

  mutex own_;
  mutex* mutex_ = &own_;
  wait_list waiters_;
};

// ---- details ----

class [[nodiscard("weft: wait() does nothing until it is awaited: write co_await c.wait()")]] condition_awaiter final
    : public wait_node {
 public:
  condition_awaiter(condition_variable& c, mutex& m) noexcept : condition_(&c), mutex_(&m), turn_(m) {}
  condition_awaiter(condition_awaiter&& unstarted) noexcept
      : wait_node(std::move(unstarted)),
        condition_(unstarted.condition_),
        mutex_(unstarted.mutex_),
        turn_(*unstarted.mutex_) {}

  bool await_ready() const noexcept { return false; }

  void await_suspend(task_state& waiting) {
    if (!mutex_->locked()) throw usage_error("weft: wait() without the lock: take it with co_await condition.lock()");
    wait_in_repeatedly(condition_->waiters_, waiting);
    mutex_->unlock();
  }

  void await_resume() {
    if (!was_cancelled_) return;
    await_cancelled();
    throw cancelled_error();
  }
  void await_cancelled() noexcept {
    if (!gone()) condition_->wake(1);
  }

  bool cancel(cancel_walk& walk) noexcept override {
    return wants_mutex_ ? turn_.cancel(walk) : wait_node::cancel(walk);
  }

  // Notified or cancelled, then: has the mutex or was cancelled while it waited for it.
  bool waits_again(bool cancelled) noexcept override {
    was_cancelled_ = was_cancelled_ || cancelled;
    if (gone()) return !cancelled && waits_for_nothing();
    if (!wants_mutex_) {
      step_aside();
      wants_mutex_ = true;
    } else if (cancelled) {
      turn_.give_up();
    } else {
      turn_.take();
      return false;
    }
    if (turn_.take_if_free()) return false;
    turn_.line_up_again(waiting_task());
    return true;
  }

  std::string describe() const override {
    return wants_mutex_ ? "a condition variable's mutex" : "a condition variable";
  }

 private:
  // The condition variable was destroyed around those who wait, or the mutex that it shares.
  bool gone() const noexcept { return forgotten() || turn_.forgotten(); }
  bool waits_for_nothing() noexcept {
    wants_mutex_ = false;
    wait_in_nothing();
    return true;
  }

  condition_variable* condition_;
  mutex* mutex_;
  mutex_wait turn_;
  bool wants_mutex_ = false;
  bool was_cancelled_ = false;
};

template <class Predicate>
task<> condition_variable::wait_until_true(Predicate predicate) {
  while (!predicate()) co_await wait();
}

inline condition_awaiter condition_variable::wait() noexcept { return condition_awaiter(*this, *mutex_); }

static_assert(awaiter<condition_awaiter>);

}  // namespace weft
