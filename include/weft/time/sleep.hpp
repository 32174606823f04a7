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
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/config.hpp>

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

/// When is how the end is given: a duration from when it is awaited, or a time_point.
template <class When>
class [[nodiscard(
    "weft: a sleep does nothing until it is awaited: write co_await weft::sleep_for(...)")]] sleep_awaiter final
    : public timer,
      public waitable {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit sleep_awaiter(When when) noexcept : when_(when) {}
  /// Before it is awaited it may move.
  sleep_awaiter(sleep_awaiter&& other) noexcept : timer(), waitable(), when_(other.when_) {}
  ~sleep_awaiter() {
    if (in_heap() || linked()) sleeper_->loop().disarm(*this);
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting);
  void await_resume() const noexcept {}

  bool cancel(cancel_walk&) noexcept override {
    sleeper_->loop().disarm(*this);
    sleeper_->wake_cancelled();
    return true;
  }
  std::string describe() const override { return "sleep"; }
  void run() override { sleeper_->wake(); }

 private:
  [[noreturn]] WEFT_COLD static void throw_awaited_before() {
    throw invalid_state_error("weft: this sleep was awaited before; make a new one");
  }

  // A million sleepers have a million of these.
  union {
    When when_;            // before it is awaited
    task_state* sleeper_;  // afterwards
  };
};

/// Suspends the task for at least `delay` on the loop's clock: it resumes one pass after the one in which the deadline
/// has come; a delay of zero or less takes one pass. Throws std::invalid_argument for NaN and for more than about 292
/// years. Cancelled: the timer is gone at once. Mirrors asyncio.sleep().
template <class Rep, class Period>
sleep_awaiter<duration> sleep_for(std::chrono::duration<Rep, Period> delay) {
  return sleep_awaiter<duration>(to_nanoseconds(delay));
}

/// Not a sleep: says what to write instead.
template <class Number>
  requires std::is_arithmetic_v<Number>
sleep_awaiter<duration> sleep_for(Number delay) {
  return sleep_awaiter<duration>(to_nanoseconds(delay));
}

/// Suspends the task until the loop's clock says `deadline`; takes one pass if that is over. Else as sleep_for().
inline sleep_awaiter<time_point> sleep_until(time_point deadline) noexcept {
  return sleep_awaiter<time_point>(deadline);
}

// ---- details ----

template <class When>
void sleep_awaiter<When>::await_suspend(task_state& waiting) {
  if (was_pushed()) [[unlikely]]
    throw_awaited_before();
  event_loop& loop = waiting.loop();
  const time_point now = loop.time();
  time_point deadline;
  if constexpr (std::is_same_v<When, duration>) {
    deadline = deadline_after(now, when_);
  } else {
    deadline = when_;
  }
  if (deadline <= now) return waiting.take_another_turn();
  loop.arm(*this, deadline);
  sleeper_ = &waiting;
  waiting.wait_on(*this);
}

static_assert(awaiter<sleep_awaiter<duration>> && awaiter<sleep_awaiter<time_point>>);

}  // namespace weft
