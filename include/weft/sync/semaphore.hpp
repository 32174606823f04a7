// Lets a limited number of tasks into a section.
// SPDX-License-Identifier: MIT
//
// Permits go to those who wait in their order; a task that asks while others wait, or are on their way, waits behind
// them even if a permit is there. The RAII permit replaces asyncio's `async with`.
//
//     weft::semaphore four(4);
//     auto permit = co_await four.acquire();
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/borrow.hpp>

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft {

class semaphore;
class acquire_awaiter;

/// Holds a permit and gives it back when it is destroyed; movable. It may outlive the semaphore.
class [[nodiscard(
    "weft: the permit is given back at once; keep what acquire() returns: auto permit = co_await "
    "s.acquire()")]] semaphore_permit {
 public:
  semaphore_permit() noexcept = default;
  explicit semaphore_permit(semaphore& of) noexcept;
  semaphore_permit(semaphore_permit&&) noexcept = default;
  semaphore_permit& operator=(semaphore_permit&& other) noexcept {
    semaphore_permit(std::move(other)).swap(*this);
    return *this;
  }
  /// Gives the permit back, unless that is refused: over the bound of a bounded_semaphore, which somebody who released
  /// what he did not hold has filled.
  ~semaphore_permit();

  /// Whether it holds a permit.
  explicit operator bool() const noexcept { return static_cast<bool>(semaphore_); }

  /// Gives the permit back before the end of the scope. Throws usage_error if it holds none, std::invalid_argument over
  /// the bound.
  void give_back();

  /// Keeps the permit taken: from now on somebody else has to call semaphore::release().
  semaphore* release() noexcept {
    semaphore* of = semaphore_.get();
    semaphore_.reset();
    return of;
  }

  void swap(semaphore_permit& other) noexcept { std::swap(semaphore_, other.semaphore_); }

 private:
  detail::borrowed<semaphore> semaphore_;
};

/// asyncio.Semaphore. It belongs to one loop. Tasks that wait for one that is destroyed can only be cancelled.
class semaphore {
 public:
  /// Throws std::invalid_argument for a negative number of permits.
  explicit semaphore(std::ptrdiff_t permits = 1) : semaphore(permits, std::numeric_limits<std::ptrdiff_t>::max()) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  /// `auto permit = co_await s.acquire()`: waits for a permit; no pass if one is free. Cancelled: has not happened, and
  /// a permit that was on its way goes to the next in line. Mirrors Semaphore.acquire().
  acquire_awaiter acquire() noexcept;

  /// A permit if one can be had at once; else an empty one.
  semaphore_permit try_acquire() noexcept { return take_if_free() ? semaphore_permit(*this) : semaphore_permit(); }

  /// Adds a permit, also without having acquired one; wakes the one that waits longest. Throws std::invalid_argument
  /// over the bound of a bounded_semaphore (asyncio's ValueError).
  void release() {
    if (permits_ >= bound_) {
      throw std::invalid_argument("weft: release() of a bounded_semaphore more often than acquire()");
    }
    ++permits_;
    wake_next();
  }

  /// True if an acquire() would wait.
  bool locked() const noexcept { return permits_ == 0 || waiters_.anyone_waits() || waiters_.anyone_woken(); }
  /// The free permits.
  std::ptrdiff_t value() const noexcept { return permits_; }
  /// How many tasks wait for a permit.
  std::size_t waiters() const noexcept { return waiters_.size(); }

 protected:
  semaphore(std::ptrdiff_t permits, std::ptrdiff_t bound) : permits_(permits), bound_(bound) {
    if (permits < 0) throw std::invalid_argument("weft: a semaphore cannot start with a negative number of permits");
  }

 private:
  friend class acquire_awaiter;
  friend class semaphore_permit;

  bool take_if_free() noexcept {
    if (locked()) return false;
    --permits_;
    return true;
  }

  bool wake_next() noexcept {
    if (!waiters_.wake_first()) return false;
    --permits_;
    return true;
  }

  // Permits may be left for those who came while others were on their way.
  void wake_rest() noexcept {
    while (permits_ > 0 && wake_next()) {
    }
  }

  wait_list waiters_;
  detail::lender<semaphore> held_;
  std::ptrdiff_t permits_;
  std::ptrdiff_t bound_;
};

/// asyncio.BoundedSemaphore: never more permits than at the start.
class bounded_semaphore final : public semaphore {
 public:
  explicit bounded_semaphore(std::ptrdiff_t permits = 1) : semaphore(permits, permits) {}
};

// ---- details ----

class [[nodiscard(
    "weft: acquire() does nothing until it is awaited: write auto permit = co_await s.acquire()")]] acquire_awaiter
    final : public wait_node {
 public:
  explicit acquire_awaiter(semaphore& s) noexcept : semaphore_(&s) {}
  acquire_awaiter(acquire_awaiter&& unstarted) noexcept
      : wait_node(std::move(unstarted)), semaphore_(unstarted.semaphore_) {}
  ~acquire_awaiter() { give_up(); }

  bool await_ready() noexcept { return semaphore_->take_if_free(); }
  void await_suspend(task_state& waiting) { wait_in_to_take(semaphore_->waiters_, waiting); }
  semaphore_permit await_resume() noexcept {
    if (woken()) {
      leave();
      semaphore_->wake_rest();
    }
    return semaphore_permit(*semaphore_);
  }
  void await_cancelled() noexcept {
    give_up();
    if (!forgotten()) semaphore_->wake_rest();
  }
  std::string describe() const override { return "a semaphore"; }

 private:
  void give_up() noexcept {
    const bool had_permit = woken() && !forgotten();
    leave();
    if (!had_permit) return;
    ++semaphore_->permits_;
    semaphore_->wake_rest();
  }

  semaphore* semaphore_;
};

inline acquire_awaiter semaphore::acquire() noexcept { return acquire_awaiter(*this); }

inline semaphore_permit::semaphore_permit(semaphore& of) noexcept : semaphore_(of, of.held_) {}

inline semaphore_permit::~semaphore_permit() {
  if (!semaphore_) return;
  try {
    semaphore_->release();
  } catch (const std::invalid_argument&) {
  }
}

inline void semaphore_permit::give_back() {
  if (!semaphore_) throw usage_error("weft: give_back() of a permit that is held no more");
  release()->release();
}

static_assert(awaiter<acquire_awaiter>);

}  // namespace weft
