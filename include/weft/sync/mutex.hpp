// Lets one task at a time into a section that contains co_awaits.
// SPDX-License-Identifier: MIT
//
// Between two co_awaits nobody interrupts a task, so a mutex is needed only where a section waits. Tasks get it in the
// order in which they asked, and nobody overtakes the one that was woken. Its RAII lock replaces asyncio's `async
// with`: an exception, a cancellation and a loop that is destroyed release it alike.
//
//     weft::mutex m;
//     {
//       auto lock = co_await m.lock();
//       co_await update();
//     }
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/borrow.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace weft {

class mutex;
class lock_awaiter;

/// Holds a mutex and releases it when it is destroyed; movable. It may outlive the mutex.
class [[nodiscard(
    "weft: the mutex is released at once; keep what lock() returns: auto lock = co_await m.lock()")]] mutex_lock {
 public:
  mutex_lock() noexcept = default;
  explicit mutex_lock(mutex& held) noexcept;
  mutex_lock(mutex_lock&&) noexcept = default;
  mutex_lock& operator=(mutex_lock&& other) noexcept {
    mutex_lock(std::move(other)).swap(*this);
    return *this;
  }
  /// Nothing happens if the mutex was unlocked otherwise: a task may be destroyed inside of condition_variable::wait().
  ~mutex_lock();

  /// Whether it holds a mutex.
  explicit operator bool() const noexcept { return static_cast<bool>(mutex_); }

  /// Releases the mutex before the end of the scope. Throws usage_error if it holds none.
  void unlock();

  /// Keeps the mutex locked: from now on somebody else has to call mutex::unlock().
  mutex* release() noexcept {
    mutex* held = mutex_.get();
    mutex_.reset();
    return held;
  }

  void swap(mutex_lock& other) noexcept { std::swap(mutex_, other.mutex_); }

 private:
  detail::borrowed<mutex> mutex_;
};

/// asyncio.Lock. Not recursive. It belongs to one loop. Tasks that wait for one that is destroyed can only be
/// cancelled.
class mutex {
 public:
  mutex() = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  /// `auto lock = co_await m.lock()`: waits for the mutex; no pass if it is free. Cancelled: has not happened, and the
  /// next in line is not kept waiting. Mirrors Lock.acquire().
  lock_awaiter lock() noexcept;

  /// The lock if it can be had at once; else an empty one.
  mutex_lock try_lock() noexcept { return take_if_free() ? mutex_lock(*this) : mutex_lock(); }

  /// Releases the mutex, for those who called mutex_lock::release(). Throws usage_error if it is not locked. Mirrors
  /// Lock.release().
  void unlock() {
    if (!locked_) throw usage_error("weft: unlock() of a mutex that is not locked");
    locked_ = false;
    wake_next();
  }

  bool locked() const noexcept { return locked_; }
  /// How many tasks wait for it.
  std::size_t waiters() const noexcept { return waiters_.size(); }

 private:
  friend class mutex_wait;
  friend class mutex_lock;

  bool take_if_free() noexcept {
    if (locked_ || waiters_.anyone_woken() || (waiters_.anyone_waits() && waiters_.size() > 0)) return false;
    return locked_ = true;
  }

  void wake_next() noexcept;

  wait_list waiters_;
  detail::lender<mutex> locks_;
  bool locked_ = false;
};

// ---- details ----

/// A place in the line for a mutex, also for those who take it again as part of something else.
class mutex_wait : public wait_node {
 public:
  // A cancelled waiter keeps its place until its task resumes, as in asyncio: until then a release wakes nobody else.
  bool cancel(cancel_walk&) noexcept override {
    if (!waiting()) return false;
    cancel_in_place();
    return true;
  }
  std::string describe() const override { return "a mutex"; }

  explicit mutex_wait(mutex& m) noexcept : mutex_(&m) {}
  mutex_wait(mutex_wait&& unstarted) noexcept : wait_node(std::move(unstarted)), mutex_(unstarted.mutex_) {}
  ~mutex_wait() {
    if (!idle()) [[unlikely]]
      give_up();
  }

  bool take_if_free() noexcept { return mutex_->take_if_free(); }
  void line_up(task_state& waiting) { wait_in_to_take(mutex_->waiters_, waiting); }
  void line_up_again(task_state& waiting) noexcept { wait_in_again(mutex_->waiters_, waiting); }

  /// After the wake-up: the mutex is this one's. After a cancellation, or never: it is the next one's.
  void take() noexcept {
    leave();
    mutex_->locked_ = true;
  }
  void give_up() noexcept {
    const bool in_line = !forgotten() && (waiting() || woken() || cancelled_in_place());
    leave();
    if (in_line && !mutex_->locked_) mutex_->wake_next();
  }

 protected:
  mutex& target() const noexcept { return *mutex_; }

 private:
  mutex* mutex_;
};

class [[nodiscard(
    "weft: lock() does nothing until it is awaited: write auto lock = co_await m.lock()")]] lock_awaiter final
    : public mutex_wait {
 public:
  using mutex_wait::mutex_wait;

  bool await_ready() noexcept { return take_if_free(); }
  void await_suspend(task_state& waiting) { line_up(waiting); }
  mutex_lock await_resume() noexcept {
    if (woken()) take();
    return mutex_lock(target());
  }
  void await_cancelled() noexcept { give_up(); }
};

inline lock_awaiter mutex::lock() noexcept { return lock_awaiter(*this); }

inline void mutex::wake_next() noexcept {
  if (waiters_.nobody_before_first() && waiters_.first().waiting()) waiters_.wake_first();
}

inline mutex_lock::mutex_lock(mutex& held) noexcept : mutex_(held, held.locks_) {}

inline mutex_lock::~mutex_lock() {
  if (mutex_ && mutex_->locked()) mutex_->unlock();
}

inline void mutex_lock::unlock() {
  if (!mutex_) throw usage_error("weft: unlock() of a lock that holds no mutex");
  release()->unlock();
}

static_assert(awaiter<lock_awaiter>);

}  // namespace weft
