// Tests of weft/time/interval.hpp: ticks do not drift, and what becomes of those that were missed.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/interval.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace time_interval_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

// Waits for n ticks and says when each was due and when it came; works for a time after the first.
weft::task<> tick(weft::interval& every, event_log& log, int n, std::chrono::milliseconds work = 0ms) {
  for (int i = 0; i < n; ++i) {
    const weft::time_point due = co_await every.next();
    const auto due_ms = std::chrono::floor<std::chrono::milliseconds>(due.time_since_epoch()).count();
    log(std::to_string(due_ms) + "@" + std::to_string(now_ms()));
    if (i == 0) co_await weft::sleep_for(work);
  }
}

TEST_CASE("ticks come every period, however long the work between them takes", "[time][interval]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::interval every(10ms);
    CHECK(every.period() == 10ms);
    co_await tick(every, log, 3, 7ms);
    CHECK(every.skipped() == 0);
  });
  CHECK(log.text() == "10@10 20@20 30@30");
}

TEST_CASE("ticks that were missed are skipped and counted, and the rhythm is kept", "[time][interval]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::interval every(10ms);
    co_await tick(every, log, 3, 35ms);  // 20 and 30 are over at 45, 40 is late
    CHECK(every.skipped() == 2);
  });
  CHECK(log.text() == "10@10 40@45 50@50");
}

TEST_CASE("ticks that were missed come at once with missed_ticks::burst", "[time][interval]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::interval every(10ms, weft::missed_ticks::burst);
    co_await tick(every, log, 5, 35ms);
    CHECK(every.skipped() == 0);
  });
  CHECK(log.text() == "10@10 20@45 30@45 40@45 50@50");
}

TEST_CASE("the rhythm starts again at a late tick with missed_ticks::delay", "[time][interval]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::interval every(10ms, weft::missed_ticks::delay);
    co_await tick(every, log, 4, 35ms);
    CHECK(every.skipped() == 0);
  });
  CHECK(log.text() == "10@10 20@45 55@55 65@65");
}

TEST_CASE("a tick that is late takes one pass", "[time][interval]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::interval every(1ms);
    co_await weft::sleep_for(1ms);
    weft_test::pass_counter counter;
    static_cast<void>(co_await every.next());
    CHECK(counter.passes() == 1);
  });
}

TEST_CASE("a tick whose wait is cancelled is still to come", "[time][interval]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::interval every(10ms);
    auto waiting = weft::create_task(tick(every, log, 1));
    co_await weft::sleep_for(5ms);
    waiting.cancel();
    co_await weft::yield();
    CHECK(waiting.cancelled());
    CHECK(weft::event_loop::current().armed_timers() == 0);
    co_await tick(every, log, 1);
  });
  CHECK(log.text() == "10@10");
}

TEST_CASE("a period must be positive, a number, and not too long", "[time][interval]") {
  run_on_virtual_time([]() -> weft::task<> {
    CHECK_THROWS_AS(weft::interval(0ms), std::invalid_argument);
    CHECK_THROWS_AS(weft::interval(-1ms), std::invalid_argument);
    CHECK_THROWS_AS(weft::interval(std::chrono::duration<double>(std::nan(""))), std::invalid_argument);
    CHECK_THROWS_AS(weft::interval(std::chrono::hours::max()), std::invalid_argument);
    co_await weft::sleep_for(1ms);
    CHECK_THROWS_AS(weft::interval(weft::duration::max()), std::invalid_argument);  // begins now
  });
}

TEST_CASE("an interval needs a loop that runs", "[time][interval]") {
  CHECK_THROWS_AS(weft::interval(1s), weft::usage_error);
}

TEST_CASE("a loop may go around an interval", "[time][interval]") {
  weft_test::census counts;
  weft_test::reports told;
  event_log log;
  const auto body = [&](tracked) -> weft::task<> {
    weft::interval every(10ms);
    co_await tick(every, log, 5);
  };
  {
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    on.loop.create_task(body(tracked(counts)));
    weft_test::run_one_pass(on.loop);
    CHECK(on.loop.armed_timers() == 1);
  }
  CHECK(counts.alive == 0);
  CHECK(told.count() == 1);
}

}  // namespace time_interval_test
