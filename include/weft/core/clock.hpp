// Where the loop's time comes from: the machine's steady clock, or a virtual one under which sleeping costs nothing.
// SPDX-License-Identifier: MIT
//
// The loop asks a clock two things: what time it is, and what to do when nothing is left but to wait for a deadline. A
// virtual clock answers the second by moving to the deadline, so a program that sleeps for hours is over at once, and
// everything in it happens in the order in which it would have happened.
//
//     weft::virtual_clock vc;
//     weft::run(a_day_long_job(), {.clock = &vc});
#pragma once

#include <weft/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace weft {

/// The loop's unit of time: whole nanoseconds, and points on the loop's clock.
using duration = std::chrono::nanoseconds;
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;

/// The seam. A clock outlives the loops that use it and belongs to their thread.
class clock {
 public:
  clock() = default;
  clock(const clock&) = delete;
  clock& operator=(const clock&) = delete;
  virtual ~clock() = default;

  /// The time now; never goes back.
  virtual time_point now() noexcept = 0;

  /// Called when nothing is ready before `deadline`: how long the loop shall wait for descriptors and other threads. A
  /// clock that can move by itself does so here, and returns zero.
  virtual duration wait_until(time_point deadline) noexcept = 0;

  /// After how many loop passes without a wait_until() in between the loop gives up with livelock_error.
  virtual std::uint64_t pass_limit() const noexcept { return no_pass_limit; }
  static constexpr std::uint64_t no_pass_limit = std::numeric_limits<std::uint64_t>::max();

  /// Whether time passes only when the loop says so.
  virtual bool is_virtual() const noexcept { return false; }
};

/// std::chrono::steady_clock.
class steady_clock final : public clock {
 public:
  time_point now() noexcept override {
    return std::chrono::time_point_cast<duration>(std::chrono::steady_clock::now());
  }
  duration wait_until(time_point deadline) noexcept override {
    const time_point present = now();
    return deadline > present ? deadline - present : duration::zero();
  }
};

/// Starts at zero and moves only to the next deadline, when nothing is ready, or by advance(). Before the loop lets it
/// jump it looks once for descriptors and other threads. The loop that runs on it throws livelock_error after
/// `pass_limit` passes in a row in each of which something was ready, so that it never waited for time to pass.
class virtual_clock final : public clock {
 public:
  explicit virtual_clock(std::uint64_t pass_limit = 10'000'000) noexcept : pass_limit_(pass_limit) {}

  time_point now() noexcept override { return now_; }
  duration wait_until(time_point deadline) noexcept override {
    if (deadline > now_) now_ = deadline;
    return duration::zero();
  }
  std::uint64_t pass_limit() const noexcept override { return pass_limit_; }
  bool is_virtual() const noexcept override { return true; }

  /// Moves the clock on, to the end of time at most; a negative step is ignored.
  void advance(duration step) noexcept {
    if (step > duration::zero()) now_ = step < time_point::max() - now_ ? now_ + step : time_point::max();
  }

 private:
  time_point now_{};
  std::uint64_t pass_limit_;
};

/// A span of time in whole nanoseconds, rounded up: never early. Throws std::invalid_argument for NaN and for what does
/// not fit (about 292 years).
template <class Rep, class Period>
duration to_nanoseconds(std::chrono::duration<Rep, Period> span);

/// A delay that is a number: of what?
template <class Number>
  requires std::is_arithmetic_v<Number>
duration to_nanoseconds(Number) {
  static_assert(!sizeof(Number),
                "weft: a delay has a unit: write 1s or 0.5s, after using namespace std::chrono_literals");
  return {};
}

/// The time point `delay` after `now`. Throws std::invalid_argument if there is none.
time_point deadline_after(time_point now, duration delay);

/// How long something may take: a span of time, or std::nullopt for as long as it takes (asyncio's None). Throws as
/// to_nanoseconds() does.
class time_limit {
 public:
  time_limit(std::nullopt_t) noexcept : unlimited_(true) {}
  template <class Rep, class Period>
  time_limit(std::chrono::duration<Rep, Period> span) : span_(to_nanoseconds(span)) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  time_limit(Number number) : span_(to_nanoseconds(number)) {}  // says what to write

  bool unlimited() const noexcept { return unlimited_; }
  duration span() const noexcept { return span_; }

  /// Whether it is over before anything has begun.
  bool is_over() const noexcept { return !unlimited_ && span_ <= duration::zero(); }

 private:
  duration span_{};
  bool unlimited_ = false;
};

// ---- details ----

template <class Rep, class Period>
duration to_nanoseconds(std::chrono::duration<Rep, Period> span) {
  constexpr const char* too_long = "weft: the delay is too long; at most about 292 years";
  if constexpr (std::is_same_v<std::chrono::duration<Rep, Period>, duration>) {
    return span;
  } else if constexpr (std::is_floating_point_v<Rep>) {
    const std::chrono::duration<double, std::nano> nanoseconds = span;
    const double exact = nanoseconds.count();
    constexpr double longest = 9.2e18;
    if (exact > longest) throw std::invalid_argument(too_long);
    if (exact < -longest) return duration::min();
    if (!(exact <= longest)) throw std::invalid_argument("weft: the delay is not a number");
    return std::chrono::ceil<duration>(nanoseconds);
  } else {
    constexpr auto longest = duration::max().count() / std::ratio_divide<Period, std::nano>::num;
    if (std::cmp_greater(span.count(), longest)) throw std::invalid_argument(too_long);
    return std::cmp_less(span.count(), -longest) ? duration::min() : std::chrono::ceil<duration>(span);
  }
}

inline time_point deadline_after(time_point now, duration delay) {
  if (delay > duration::zero() && now.time_since_epoch() > duration::max() - delay) {
    throw std::invalid_argument("weft: the delay is too long; its end lies beyond what the clock can express");
  }
  if (delay < duration::zero() && now.time_since_epoch() < duration::min() - delay) return time_point::min();
  return now + delay;
}

static_assert(sizeof(time_point) == sizeof(std::int64_t));

}  // namespace weft
