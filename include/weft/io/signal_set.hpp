// Signals that a task waits for.
// SPDX-License-Identifier: MIT
//
// asyncio has callbacks only: add_signal_handler(). A set counts what comes while nobody waits, so the task that waits
// in a loop misses none, also not those that come before it waits for the first time: make the set before what the
// signals are about.
//
//     weft::signal_set signals(SIGTERM, SIGHUP);
//     int number = co_await signals.next();
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/io/signal.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weft {

class signal_awaiter;

/// While it lives, its signals have no effect but to be counted, in all threads of the process: they interrupt no
/// system call (SA_RESTART), and end nothing. Then they have their former effect again, unless others want them, too:
/// each set and each handler gets every signal. It can be made in any thread, before any loop, and used by one loop at
/// a time. It does not matter which thread the kernel picks for a signal, but one that all threads block never comes.
class signal_set {
 public:
  /// Throws std::invalid_argument for a number that is no signal's, usage_error for SIGKILL and SIGSTOP, which cannot
  /// be caught: all signals are as they were.
  template <std::same_as<int>... More>
  explicit signal_set(int number, More... more) {
    subscriptions_.reserve(1 + sizeof...(more));
    add(number);
    (add(more), ...);
  }
  signal_set(const signal_set&) = delete;
  signal_set& operator=(const signal_set&) = delete;
  ~signal_set() { stop_listening(); }

  /// Gives the number of a signal that has come, each as often as it has come; the smallest number if there are
  /// several. No pass if there is one already; else the task resumes two passes after it has come. The loop waits
  /// meanwhile, and reports no deadlock. Several tasks may wait: each signal goes to one of them. Throws
  /// std::system_error if the loop gets no pipe, usage_error if tasks of another loop wait. Cancelled: has not
  /// happened, the signal stays.
  signal_awaiter next() noexcept;

  /// How many signals have come that next() has not given yet.
  std::size_t pending() const noexcept;

  /// How many tasks wait in next().
  std::size_t waiters() const noexcept { return waiters_.size(); }

 private:
  friend class signal_awaiter;

  class listener final : public signal_listener {
   public:
    explicit listener(signal_set& set) noexcept : set_(&set) {}
    bool signals_came(std::span<const unsigned char>) noexcept override {
      for (std::size_t left = set_->pending(); left > 0 && set_->waiters_.wake_first(); --left) {
      }
      return true;
    }

   private:
    signal_set* set_;
  };

  void add(int number);
  int take() noexcept;
  void listen(event_loop& loop);
  void stop_listening() noexcept {
    if (inbox_ != nullptr) std::exchange(inbox_, nullptr)->remove(listener_);
  }
  void stop_if_nobody_waits() noexcept {
    if (!waiters_.anyone_waits() && !waiters_.anyone_woken()) stop_listening();
  }

  std::vector<signal_subscription> subscriptions_;  // in the order of their numbers
  wait_list waiters_;
  listener listener_{*this};
  signal_inbox* inbox_ = nullptr;  // while somebody waits, or is on the way
};

// ---- details ----

class [[nodiscard("weft: next() does nothing until it is awaited: write co_await signals.next()")]] signal_awaiter final
    : public recurring_wait<signal_awaiter> {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit signal_awaiter(signal_set& set) noexcept : set_(&set) {}
  signal_awaiter(signal_awaiter&& unstarted) noexcept : recurring_wait(std::move(unstarted)), set_(unstarted.set_) {}
  ~signal_awaiter() { go(); }

  void await_suspend(task_state& waiting) {
    set_->listen(waiting.loop());
    recurring_wait::await_suspend(waiting);
  }
  int await_resume() noexcept {
    const int number = set_->take();
    leave();
    set_->waiters_.recheck_woken();
    set_->stop_if_nobody_waits();
    return number;
  }
  void await_cancelled() noexcept { go(); }
  bool cancel(cancel_walk& walk) noexcept override {
    if (!recurring_wait::cancel(walk)) return false;
    if (!forgotten()) set_->stop_if_nobody_waits();
    return true;
  }
  std::string describe() const override { return "a signal"; }

  bool nothing_there() const noexcept { return set_->pending() == 0; }
  wait_list& line() const noexcept { return set_->waiters_; }

 private:
  void go() noexcept;

  signal_set* set_;
};

inline signal_awaiter signal_set::next() noexcept { return signal_awaiter(*this); }

// It goes without a signal. The set may have gone before it, or before it ever waited.
inline void signal_awaiter::go() noexcept {
  const bool listens = (waiting() || woken()) && !forgotten();
  pass_on();
  if (listens) set_->stop_if_nobody_waits();
}

inline void signal_set::add(int number) {
  const auto place = std::lower_bound(subscriptions_.begin(), subscriptions_.end(), number,
                                      [](const signal_subscription& s, int n) { return s.number() < n; });
  if (place == subscriptions_.end() || place->number() != number) subscriptions_.emplace(place, number);
}

inline std::size_t signal_set::pending() const noexcept {
  std::size_t all = 0;
  for (const signal_subscription& s : subscriptions_) all += s.pending();
  return all;
}

inline int signal_set::take() noexcept {
  for (signal_subscription& s : subscriptions_) {
    if (s.pending() == 0) continue;
    s.take();
    return s.number();
  }
  return 0;  // not reached: who resumes has asked
}

inline void signal_set::listen(event_loop& loop) {
  signal_inbox& inbox = loop.local<signal_inbox>();
  if (inbox_ == &inbox) return;
  if (inbox_ != nullptr) {
    throw usage_error("weft: tasks of another loop wait for this set of signals; give each loop a set of its own");
  }
  inbox.add(loop, listener_);
  inbox_ = &inbox;
  if (pending() > 0) inbox.look();
}

static_assert(awaiter<signal_awaiter>);

}  // namespace weft
