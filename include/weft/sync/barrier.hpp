// A point at which tasks wait for each other.
// SPDX-License-Identifier: MIT
//
// asyncio.Barrier, state for state: it fills until all parties are there, drains until all have left, and only then
// fills again; a reset drains it with errors, an abort breaks it for good. Like asyncio's it stands on a condition
// variable, so that it takes the same passes.
//
//     weft::barrier three(3);
//     const std::size_t number = co_await three.wait();      // in three tasks; one of them gets 0
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/task.hpp>
#include <weft/detail/borrow.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/was_negative.hpp>
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/mutex.hpp>

#include <cstddef>
#include <stdexcept>

namespace weft {

/// asyncio.Barrier. It belongs to one loop. Tasks that wait at one that is destroyed can only be cancelled.
class barrier {
 public:
  /// Throws std::invalid_argument for no parties, or less.
  explicit barrier(std::size_t parties) : parties_(parties) {
    if (parties < 1 || detail::was_negative(parties))
      throw std::invalid_argument("weft: a barrier needs at least one party");
  }
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  /// Waits until as many tasks wait as there are parties; gives each of them another number from 0 to parties - 1.
  /// Throws broken_barrier_error if the barrier is or gets aborted, or is reset meanwhile. Cancelled: has not happened,
  /// and the task counts no more. Mirrors Barrier.wait().
  template <class = detail::only_if_used>
  task<std::size_t> wait();

  /// Back to the start: those who wait now get broken_barrier_error. Mirrors Barrier.reset().
  template <class = detail::only_if_used>
  task<> reset();

  /// Breaks it until reset(): those who wait and all who come get broken_barrier_error. Mirrors Barrier.abort().
  template <class = detail::only_if_used>
  task<> abort();

  std::size_t parties() const noexcept { return parties_; }
  /// How many tasks wait for it to fill.
  std::size_t waiters() const noexcept { return state_ == state::filling ? inside_ : 0; }
  bool broken() const noexcept { return state_ == state::broken; }

 private:
  enum class state : unsigned char { filling, draining, resetting, broken };

  // Counts the task that is inside; whoever leaves last lets the next ones in. It is left with the mutex held.
  class visit {
   public:
    explicit visit(barrier& b) noexcept : barrier_(b, b.visits_), number_(b.inside_++) {}
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() {
      if (barrier_) barrier_->leave();
    }
    std::size_t number() const noexcept { return number_; }

   private:
    detail::borrowed<barrier> barrier_;
    std::size_t number_;
  };

  bool lets_nobody_in() const noexcept { return state_ == state::draining || state_ == state::resetting; }

  void change_to(state next) {
    state_ = next;
    changed_.notify_all();
  }

  void leave() noexcept {
    if (--inside_ > 0) return;
    if (lets_nobody_in()) state_ = state::filling;
    if (changed_.locked()) changed_.notify_all();  // not where the loop is destroyed around a task that waits
  }

  condition_variable changed_;
  detail::lender<barrier> visits_;
  std::size_t parties_;
  std::size_t inside_ = 0;
  state state_ = state::filling;
};

// ---- details ----

template <class>
task<std::size_t> barrier::wait() {
  const mutex_lock lock = co_await changed_.lock();
  while (lets_nobody_in()) co_await changed_.wait();
  if (broken()) throw broken_barrier_error("weft: the barrier was aborted; reset() makes it usable again");
  const visit inside(*this);
  if (inside_ == parties_) {
    change_to(state::draining);
    co_return inside.number();
  }
  while (state_ == state::filling) co_await changed_.wait();
  if (state_ != state::draining) throw broken_barrier_error("weft: the barrier was aborted or reset");
  co_return inside.number();
}

template <class>
task<> barrier::reset() {
  const mutex_lock lock = co_await changed_.lock();
  change_to(inside_ > 0 ? state::resetting : state::filling);
}

template <class>
task<> barrier::abort() {
  const mutex_lock lock = co_await changed_.lock();
  change_to(state::broken);
}

}  // namespace weft
