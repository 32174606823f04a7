// Tests of weft/core/clock.hpp: virtual time, real time, and delays that are never cut short.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"

#include <weft/core/clock.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <stdexcept>

namespace core_clock_test {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using weft::duration;
using weft::time_point;
using weft::to_nanoseconds;

using seconds = std::chrono::duration<double>;

TEST_CASE("a virtual clock starts at zero and moves only when told", "[core][clock]") {
  weft::virtual_clock vc;
  CHECK(vc.now() == time_point{});
  CHECK(vc.is_virtual());
  vc.advance(5ms);
  CHECK(vc.now() == time_point{5ms});
  vc.advance(-1ms);
  vc.advance(0ms);
  CHECK(vc.now() == time_point{5ms});
}

TEST_CASE("a virtual clock that is moved beyond the last point in time stops there", "[core][clock]") {
  weft::virtual_clock vc;
  vc.advance(duration::max() - 1ns);
  CHECK(vc.now() == time_point::max() - 1ns);
  vc.advance(2ns);
  CHECK(vc.now() == time_point::max());
  vc.advance(duration::max());
  vc.advance(duration::min());
  CHECK(vc.now() == time_point::max());
}

TEST_CASE("a virtual clock waits by moving to the deadline, and never back", "[core][clock]") {
  weft::virtual_clock vc;
  CHECK(vc.wait_until(time_point{3s}) == 0s);
  CHECK(vc.now() == time_point{3s});
  CHECK(vc.wait_until(time_point{1s}) == 0s);
  CHECK(vc.now() == time_point{3s});
}

TEST_CASE("a virtual clock has the pass limit that it was given", "[core][clock]") {
  CHECK(weft::virtual_clock(17).pass_limit() == 17);
  CHECK(weft::virtual_clock().pass_limit() < std::numeric_limits<std::uint64_t>::max());
  CHECK(weft::steady_clock().pass_limit() == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("the steady clock is the standard's, and says how long to wait", "[core][clock]") {
  weft::steady_clock sc;
  CHECK_FALSE(sc.is_virtual());
  const auto before = std::chrono::steady_clock::now();
  const time_point now = sc.now();
  const auto after = std::chrono::steady_clock::now();
  CHECK(now >= before);
  CHECK(now <= after);
  const duration left = sc.wait_until(now + 1h);
  CHECK(left <= 1h);
  CHECK(left > 59min);
  CHECK(sc.wait_until(now) == 0s);
  CHECK(sc.wait_until(time_point::min()) == 0s);
}

TEST_CASE("whole units become nanoseconds exactly", "[core][clock]") {
  CHECK(to_nanoseconds(1ns).count() == 1);
  CHECK(to_nanoseconds(-3us).count() == -3000);
  CHECK(to_nanoseconds(2h).count() == 7'200'000'000'000);
  CHECK(to_nanoseconds(std::chrono::nanoseconds::max()) == duration::max());
  CHECK(to_nanoseconds(std::chrono::nanoseconds::min()) == duration::min());
  using days = std::chrono::duration<int, std::ratio<86400>>;
  CHECK(to_nanoseconds(days(100'000)).count() == 8'640'000'000'000'000'000);
}

TEST_CASE("what is finer than a nanosecond is rounded up, so that nobody wakes early", "[core][clock]") {
  using picoseconds = std::chrono::duration<std::int64_t, std::pico>;
  CHECK(to_nanoseconds(picoseconds(1)).count() == 1);
  CHECK(to_nanoseconds(picoseconds(1000)).count() == 1);
  CHECK(to_nanoseconds(picoseconds(1001)).count() == 2);
  CHECK(to_nanoseconds(picoseconds(-1)).count() == 0);
  using thirds = std::chrono::duration<int, std::ratio<1, 3>>;
  CHECK(to_nanoseconds(thirds(1)).count() == 333'333'334);
  using frames = std::chrono::duration<std::int64_t, std::ratio<1, 60>>;
  CHECK(to_nanoseconds(frames(1)).count() == 16'666'667);
  CHECK(to_nanoseconds(frames(60)) == 1s);
  CHECK(to_nanoseconds(seconds(1e-10)).count() == 1);
  CHECK(to_nanoseconds(seconds(0.0)).count() == 0);
  CHECK(to_nanoseconds(std::chrono::duration<float>(0.5f)).count() == 500'000'000);
  CHECK(to_nanoseconds(std::chrono::duration<double, std::nano>(1.5)).count() == 2);
}

// A sleep of 0.1 seconds and one of 100 milliseconds end together, as in asyncio, although no double is exactly 0.1.
TEST_CASE("a delay in seconds means the decimal that was written", "[core][clock]") {
  CHECK(to_nanoseconds(seconds(0.1)) == 100ms);
  CHECK(to_nanoseconds(seconds(0.2)) == 200ms);
  CHECK(to_nanoseconds(seconds(0.3)) == 300ms);
  CHECK(to_nanoseconds(seconds(0.7)) == 700ms);
  CHECK(to_nanoseconds(seconds(1.1)) == 1100ms);
  CHECK(to_nanoseconds(seconds(0.001)) == 1ms);
  CHECK(to_nanoseconds(seconds(1e-6)) == 1us);
  CHECK(to_nanoseconds(seconds(1e-9)) == 1ns);
}

TEST_CASE("a delay that is no number or too long is refused", "[core][clock]") {
  using limits = std::numeric_limits<double>;
  CHECK_THROWS_AS(to_nanoseconds(seconds(limits::quiet_NaN())), std::invalid_argument);
  CHECK_THROWS_AS(to_nanoseconds(seconds(limits::infinity())), std::invalid_argument);
  CHECK_THROWS_AS(to_nanoseconds(seconds(1e30)), std::invalid_argument);
  CHECK_THROWS_AS(to_nanoseconds(std::chrono::hours::max()), std::invalid_argument);
  CHECK_THROWS_AS(to_nanoseconds(std::chrono::seconds(9'300'000'000)), std::invalid_argument);
  CHECK_NOTHROW(to_nanoseconds(std::chrono::seconds(9'000'000'000)));
  CHECK_THROWS_WITH(to_nanoseconds(seconds(limits::quiet_NaN())), weft_test::contains("not a number"));
  CHECK_THROWS_WITH(to_nanoseconds(seconds(1e30)), weft_test::contains("292 years"));
}

TEST_CASE("a negative delay is over, however long", "[core][clock]") {
  using limits = std::numeric_limits<double>;
  CHECK(to_nanoseconds(seconds(-limits::infinity())) == duration::min());
  CHECK(to_nanoseconds(seconds(-1e30)) == duration::min());
  CHECK(to_nanoseconds(std::chrono::hours::min()) == duration::min());
  CHECK(to_nanoseconds(seconds(-2.5)) == -2500ms);
}

TEST_CASE("a deadline that the clock cannot express is refused, one in the past is not", "[core][clock]") {
  using weft::deadline_after;
  CHECK(deadline_after(time_point{1s}, 2s) == time_point{3s});
  CHECK(deadline_after(time_point{1s}, -2s) == time_point{-1s});
  CHECK(deadline_after(time_point{}, duration::max()) == time_point::max());
  CHECK_THROWS_AS(deadline_after(time_point{1ns}, duration::max()), std::invalid_argument);
  CHECK(deadline_after(time_point{1s}, duration::min()) == time_point{1s} + duration::min());
  CHECK(deadline_after(time_point{-1s}, duration::min()) == time_point::min());
}

}  // namespace core_clock_test
