// Ticks at a steady rate.
// SPDX-License-Identifier: MIT
//
// Ticks are due at start + n * period, however long the work between them takes, so they do not drift as a loop of
// sleeps does. asyncio has no such thing. What happens to ticks that were missed is the caller's choice.
//
//     weft::interval every_second(1s);
//     for (;;) {
//       co_await every_second.next();
//       sample();
//     }
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>
#include <weft/detail/config.hpp>
#include <weft/time/sleep.hpp>

#include <cstdint>
#include <stdexcept>
#include <type_traits>

namespace weft {

/// What happens to ticks that passed while nobody waited: they are left out and the rhythm is kept; or all of them come
/// at once; or the rhythm starts again at the late tick.
enum class missed_ticks : unsigned char { skip, burst, delay };

/// A source of ticks, for one task.
class interval {
 public:
  /// The first tick is due one period from now. Throws usage_error outside of a loop, std::invalid_argument for a
  /// period that is not positive or is too long.
  template <class Rep, class Period>
  explicit interval(std::chrono::duration<Rep, Period> period, missed_ticks missed = missed_ticks::skip)
      : period_(to_nanoseconds(period)), missed_(missed) {
    if (period_ <= duration::zero()) throw std::invalid_argument("weft: the period of an interval must be positive");
    next_ = deadline_after(event_loop::current().time(), period_);
  }

  template <class Number>
    requires std::is_arithmetic_v<Number>
  explicit interval(Number period) : period_(to_nanoseconds(period)), missed_() {}  // says what to write

  /// Waits for the next tick and gives the time at which it was due; takes one pass if that is over. Cancelled: has not
  /// happened, the tick is still to come.
  template <class = detail::only_if_used>
  task<time_point> next();

  /// How many ticks were left out so far (missed_ticks::skip).
  std::uint64_t skipped() const noexcept { return skipped_; }
  duration period() const noexcept { return period_; }

 private:
  duration period_;
  missed_ticks missed_;
  time_point next_;
  std::uint64_t skipped_ = 0;
};

// ---- details ----

template <class>
task<time_point> interval::next() {
  if (missed_ == missed_ticks::skip) {
    if (const duration late = event_loop::current().time() - next_; late >= period_) {
      const auto periods = late / period_;
      next_ += periods * period_;
      skipped_ += static_cast<std::uint64_t>(periods);
    }
  }
  const time_point due = next_;
  co_await sleep_until(due);
  next_ = deadline_after(missed_ == missed_ticks::delay ? event_loop::current().time() : due, period_);
  co_return due;
}

}  // namespace weft
