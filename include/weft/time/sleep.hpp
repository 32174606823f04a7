// Waits for a time.
// SPDX-License-Identifier: MIT
//
// The awaiter is the timer's node and lives in the frame of the one that sleeps: no allocation but the heap's entry, no
// extra coroutine. As in asyncio, a sleep is two entries of the ready queue, the timer's and the task's: it ends one
// pass after the one in which its deadline has come.
//
//     co_await weft::sleep_for(10ms);
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_state.hpp>

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

class [[nodiscard(
    "weft: a sleep does nothing until it is awaited: write co_await weft::sleep_for(...)")]] sleep_awaiter final
    : public timer,
      public waitable {
 public:
  static constexpr bool ends_by_destruction = true;

  /// Sleeps for a time; one pass if that is not positive.
  explicit sleep_awaiter(duration delay) noexcept : when_(delay) {}
  /// Sleeps until a point in time.
  explicit sleep_awaiter(time_point deadline) noexcept : when_(deadline.time_since_epoch()), until_(true) {}
  /// Before it is awaited it may move.
  sleep_awaiter(sleep_awaiter&& other) noexcept : timer(), waitable(), when_(other.when_), until_(other.until_) {}
  ~sleep_awaiter() {
    if (in_heap() || linked()) sleeper_->loop().disarm(*this);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting);
  void await_resume() const noexcept {}

  inline bool cancel(cancel_walk&) noexcept override;
  inline std::string describe() const override;
  void run() override { sleeper_->wake(); }

 private:
  task_state* sleeper_ = nullptr;
  duration when_;  // from when it is awaited; a point on the clock if until_
  bool until_ = false;
};

/// Suspends the task for at least `delay` on the loop's clock: it resumes one pass after the one in which the deadline
/// has come; a delay of zero or less takes one pass. Throws std::invalid_argument for NaN and for more than about 292
/// years. Cancelled: the timer is gone at once. Mirrors asyncio.sleep().
template <class Rep, class Period>
sleep_awaiter sleep_for(std::chrono::duration<Rep, Period> delay) {
  return sleep_awaiter(to_nanoseconds(delay));
}

/// Not a sleep: says what to write instead.
template <class Number>
  requires std::is_arithmetic_v<Number>
sleep_awaiter sleep_for(Number delay) {
  return sleep_awaiter(to_nanoseconds(delay));
}

/// Suspends the task until the loop's clock says `deadline`; takes one pass if that is over. Else as sleep_for().
inline sleep_awaiter sleep_until(time_point deadline) noexcept { return sleep_awaiter(deadline); }

// ---- details ----

inline void sleep_awaiter::await_suspend(task_state& waiting) {
  event_loop& loop = waiting.loop();
  const time_point now = loop.time();
  if (when_ <= (until_ ? now.time_since_epoch() : duration::zero())) return waiting.wake();
  sleeper_ = &waiting;
  loop.arm(*this, until_ ? time_point(when_) : deadline_after(now, when_));
  waiting.wait_on(*this);
}

inline bool sleep_awaiter::cancel(cancel_walk&) noexcept {
  sleeper_->loop().disarm(*this);
  sleeper_->wake_cancelled();
  return true;
}

inline std::string sleep_awaiter::describe() const { return "sleep"; }

static_assert(awaiter<sleep_awaiter>);

}  // namespace weft
