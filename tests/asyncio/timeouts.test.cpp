// What CPython's tests of asyncio.timeout() say, for with_timeout and timeout_scope.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/exception_group.hpp>
#include <weft/flow/finally.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace asyncio_timeouts_test {

using namespace std::chrono_literals;
using weft::time_point;
using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;

time_point now() { return weft::event_loop::current().time(); }

// Sleeps, and says when it is cancelled whether the limit is what has expired.
weft::task<> sleeps(event_log& log, weft::timeout_scope& limit, weft::duration time = 10s) {
  CHECK_FALSE(limit.expired());
  try {
    co_await weft::sleep_for(time);
  } catch (const weft::cancelled_error&) {
    log(limit.expired() ? "expired" : "cancelled");
    throw;
  }
  log("slept");
}
weft::task<> naps(weft::duration time) { co_await weft::sleep_for(time); }
bool timed_out(const weft::outcome<>& result) {
  return result.failed() && weft::holds<weft::timeout_error>(result.exception());
}

// ---- the limit is over, or not ----

// CPython: timeouts TimeoutTests.test_timeout_basic
// CPython: timeouts TimeoutTests.test_waiter_cancelled
TEST_CASE("when the time is over the body is cancelled, and that becomes timeout_error", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const weft::outcome<> result = co_await weft::outcome_of(
        weft::with_timeout(10ms, [&](weft::timeout_scope& limit) { return sleeps(log, limit); }));
    CHECK(timed_out(result));
    CHECK(log.text() == "expired");
    CHECK(now_ms() == 10);
  });
}

// CPython: timeouts TimeoutTests.test_timeout_at_basic
TEST_CASE("with_timeout_at ends its body at a point in time, which the scope names", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    co_await weft::sleep_for(5ms);
    const time_point deadline = now() + 10ms;
    const auto body = [&](weft::timeout_scope& limit) {
      CHECK(limit.when() == deadline);
      return sleeps(log, limit);
    };
    const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout_at(deadline, body));
    CHECK(timed_out(result));
    CHECK(log.text() == "expired");
    CHECK(now() == deadline);
  });
}

// CPython: timeouts TimeoutTests.test_timeout_not_called
TEST_CASE("a limit that is not reached has not expired and leaves no timer behind", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    co_await weft::with_timeout(10s, [&](weft::timeout_scope& limit) -> weft::task<> {
      co_await sleeps(log, limit, 10ms);
      CHECK_FALSE(limit.expired());
      CHECK(limit.when() > now());
    });
    CHECK(log.text() == "slept");
    CHECK(now_ms() == 10);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

// CPython: timeouts TimeoutTests.test_timeout_disabled
// CPython: timeouts TimeoutTests.test_timeout_at_disabled
TEST_CASE("a limit of nullopt never expires", "[asyncio][timeouts]") {
  const bool at = GENERATE(false, true);
  run_on_virtual_time([&]() -> weft::task<> {
    event_log log;
    const auto body = [&](weft::timeout_scope& limit) -> weft::task<> {
      CHECK(weft::event_loop::current().armed_timers() == 0);
      co_await sleeps(log, limit, 240h);
      CHECK_FALSE(limit.expired());
      CHECK_FALSE(limit.when().has_value());
    };
    if (at) {
      co_await weft::with_timeout_at(std::nullopt, body);
    } else {
      co_await weft::with_timeout(std::nullopt, body);
    }
    CHECK(log.text() == "slept");
  });
}

// CPython: timeouts TimeoutTests.test_timeout_zero
// CPython: timeouts TimeoutTests.test_timeout_zero_sleep_zero
// CPython: timeouts TimeoutTests.test_timeout_in_the_past_sleep_zero
TEST_CASE("a limit of zero or less lets the body begin, and ends its first wait one pass later",
          "[asyncio][timeouts]") {
  const auto limit = GENERATE(0s, -11s);
  const bool only_yields = GENERATE(false, true);
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::sleep_for(1h);
    const time_point before = now();
    weft_test::pass_counter counter;
    bool began = false;
    const auto body = [&](weft::timeout_scope& scope) -> weft::task<> {
      CHECK(scope.when() == before + limit);
      began = true;
      if (only_yields) {
        co_await weft::yield();
      } else {
        co_await weft::sleep_for(10s);
      }
    };
    const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout(limit, body));
    CHECK(timed_out(result));
    CHECK(began);
    CHECK(now() == before);
    CHECK(counter.passes() == (only_yields ? 1 : 2));
  });
}

// ---- other errors and cancellations ----

// CPython: timeouts TimeoutTests.test_foreign_exception_passed
TEST_CASE("an error of a body that is in time passes", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = [](weft::timeout_scope& limit) -> weft::task<> {
      CHECK_FALSE(limit.expired());
      throw std::out_of_range("no such key");
      co_return;
    };
    const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout(10ms, body));
    CHECK(weft::holds<std::out_of_range>(result.exception()));
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

// CPython: timeouts TimeoutTests.test_foreign_exception_on_timeout
TEST_CASE("an error with which a body answers the end of its time passes instead of timeout_error",
          "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto crashes = []() -> weft::task<> {
      try {
        co_await weft::sleep_for(1s);
      } catch (const weft::cancelled_error&) {
        throw std::domain_error("crashed");
      }
    };
    const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout(10ms, crashes));
    CHECK(weft::holds<std::domain_error>(result.exception()));
    CHECK(weft::current_task().cancelling() == 0);
    CHECK(now_ms() == 10);
  });
}

// CPython: timeouts TimeoutTests.test_foreign_cancel_doesnt_timeout_if_not_expired
TEST_CASE("a cancellation from elsewhere before the limit stays one", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto body = [&](weft::timeout_scope& limit) {
      weft::current_task().cancel();
      return sleeps(log, limit);
    };
    const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout(10s, body));
    CHECK(result.cancelled());
    CHECK(log.text() == "cancelled");
    CHECK(now_ms() == 0);
  });
}

// CPython: timeouts TimeoutTests.test_outer_task_is_not_cancelled
TEST_CASE("a task that catches timeout_error ends as if nothing had happened", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto task = weft::create_task([]() -> weft::task<> {
      const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout(1ms, naps(10s)));
      CHECK(timed_out(result));
    });
    co_await task;
    CHECK(task.done());
    CHECK_FALSE(task.cancelled());
    CHECK(task.cancelling() == 0);
  });
}

// CPython: timeouts TimeoutTests.test_timeout_after_cancellation
TEST_CASE("a limit works in the clean-up of a task that was cancelled", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::current_task().cancel();
    const weft::outcome<> work = co_await weft::outcome_of(weft::sleep_for(1s));
    CHECK(work.cancelled());
    CHECK(weft::current_task().cancelling() == 1);
    const weft::outcome<> clean_up = co_await weft::outcome_of(weft::with_timeout(0s, naps(1s)));
    CHECK(timed_out(clean_up));
    CHECK(weft::current_task().cancelling() == 1);
  });
}

// CPython: timeouts TimeoutTests.test_cancel_in_timeout_after_cancellation
TEST_CASE("a second cancellation, under a limit in the clean-up of the first, is none of the limit's",
          "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::current_task().cancel();
    const weft::outcome<> work = co_await weft::outcome_of(weft::sleep_for(1s));
    CHECK(work.cancelled());
    event_log log;
    const auto body = [&](weft::timeout_scope& limit) {
      weft::current_task().cancel();
      return sleeps(log, limit);
    };
    const weft::outcome<> clean_up = co_await weft::outcome_of(weft::with_timeout(1s, body));
    CHECK(clean_up.cancelled());
    CHECK(log.text() == "cancelled");
    CHECK(weft::current_task().cancelling() == 2);
  });
}

// ---- limits inside of limits ----

// CPython: timeouts TimeoutTests.test_nested_timeouts
TEST_CASE("of two limits that are over at the same time both expire, and only the outer one throws timeout_error",
          "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    const time_point deadline = now() + 10ms;
    event_log log;
    weft::outcome<> inner;
    const auto outer_body = [&](weft::timeout_scope& outer) -> weft::task<> {
      const auto inner_body = [&](weft::timeout_scope& limit) -> weft::task<> { return sleeps(log, limit); };
      inner = co_await weft::outcome_of(weft::with_timeout_at(deadline, inner_body));
      log(outer.expired() ? "outer_expired" : "outer_did_not");
      inner.value();
    };
    const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout_at(deadline, outer_body));
    CHECK(inner.cancelled());
    CHECK(timed_out(result));
    CHECK(log.text() == "expired outer_expired");
    CHECK(weft::current_task().cancelling() == 0);
  });
}

// CPython: timeouts TimeoutTests.test_nested_timeouts_concurrent
TEST_CASE_METHOD(loop_on_virtual_time, "an outer limit that passes while the task computes ends the wait after that",
                 "[asyncio][timeouts]") {
  weft::outcome<> inner;
  weft::outcome<> outer;
  const auto computes = [&]() -> weft::task<> {
    time.advance(10ms);
    co_await weft::sleep_for(1s);
  };
  const auto outer_body = [&]() -> weft::task<> {
    inner = co_await weft::outcome_of(weft::with_timeout(100ms, computes));
    inner.value();
  };
  loop.run_until_complete(
      [&]() -> weft::task<> { outer = co_await weft::outcome_of(weft::with_timeout(2ms, outer_body)); });
  CHECK(inner.cancelled());
  CHECK(timed_out(outer));
  CHECK(loop.time() == time_point{10ms});
}

// CPython: timeouts TimeoutTests.test_nested_timeouts_loop_busy
TEST_CASE_METHOD(loop_on_virtual_time, "an inner limit that is late does not use up the outer one",
                 "[asyncio][timeouts]") {
  weft::outcome<> inner;
  weft::outcome<> outer;
  const auto computes = [&]() -> weft::task<> {
    time.advance(50ms);  // the inner limit's end comes and goes
    co_await weft::sleep_for(1s);
  };
  const auto outer_body = [&]() -> weft::task<> {
    inner = co_await weft::outcome_of(weft::with_timeout(10ms, computes));
    co_await weft::sleep_for(10s);
  };
  loop.run_until_complete(
      [&]() -> weft::task<> { outer = co_await weft::outcome_of(weft::with_timeout(100ms, outer_body)); });
  CHECK(timed_out(inner));
  CHECK(timed_out(outer));
  CHECK(loop.time() == time_point{100ms});
}

// CPython: timeouts TimeoutTests.test_nested_timeout_in_finally
TEST_CASE("a limit works in a clean-up that the end of an outer limit has begun", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::outcome<> inner;
    const auto clean_up = [&]() -> weft::task<> {
      inner = co_await weft::outcome_of(weft::with_timeout(10ms, naps(10s)));
    };
    const auto body = [&]() -> weft::task<> { co_await weft::finally(weft::sleep_for(1s), clean_up); };
    const weft::outcome<> outer = co_await weft::outcome_of(weft::with_timeout(10ms, body));
    CHECK(timed_out(inner));
    CHECK(timed_out(outer));
    CHECK(now_ms() == 20);
  });
}

// ---- moving the limit ----

// CPython: timeouts TimeoutTests.test_reschedule
TEST_CASE("a limit can be moved and taken away, from outside as well", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    weft::timeout_scope* scope = nullptr;
    const time_point deadline = now() + 10s;
    auto task = weft::create_task([&]() -> weft::task<> {
      const auto body = [&](weft::timeout_scope& limit) {
        scope = &limit;
        return sleeps(log, limit, 50s);
      };
      co_await weft::with_timeout_at(deadline, body);
    });
    co_await weft::yield();
    CHECK(scope->when() == deadline);
    scope->reschedule(deadline + 20s);
    CHECK(scope->when() == deadline + 20s);
    co_await weft::sleep_for(29s);
    CHECK(log.text().empty());
    scope->reschedule(std::nullopt);
    CHECK_FALSE(scope->when().has_value());
    co_await weft::sleep_for(20s);
    task.cancel();
    const weft::outcome<> result = co_await weft::outcome_of(task);
    CHECK(result.cancelled());
    CHECK(log.text() == "cancelled");  // and not "expired"
  });
}

// CPython: timeouts TimeoutTests.test_timeout_expiring
TEST_CASE("a body that has swallowed the end of its time can neither move the limit nor is it an error",
          "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto body = [&](weft::timeout_scope& limit) -> weft::task<> {
      const weft::outcome<> sleep = co_await weft::outcome_of(sleeps(log, limit));
      CHECK(sleep.cancelled());
      CHECK_THROWS_AS(limit.reschedule(now() + 20ms), weft::usage_error);
      CHECK(limit.when() == time_point{10ms});
    };
    const weft::outcome<> result = co_await weft::outcome_of(weft::with_timeout(10ms, body));
    CHECK(result.has_value());
    CHECK(log.text() == "expired");
    CHECK(weft::current_task().cancelling() == 0);
  });
}

// CPython: timeouts TimeoutTests.test_timeout_not_entered
// CPython: timeouts TimeoutTests.test_timeout_finished
TEST_CASE("a limit cannot be moved before its body begins or after it has ended", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::timeout_scope limit;
    CHECK_THROWS_AS(limit.reschedule(now() + 20ms), weft::usage_error);
    limit.enter(weft::current_task().state(), now() + 10ms);
    CHECK_NOTHROW(limit.reschedule(now() + 30ms));
    CHECK_FALSE(limit.leave());
    CHECK_THROWS_AS(limit.reschedule(now() + 20ms), weft::usage_error);
    CHECK(limit.when() == time_point{30ms});
    CHECK_FALSE(limit.expired());
    CHECK(weft::event_loop::current().armed_timers() == 0);
    co_return;
  });
}

// CPython: timeouts TimeoutTests.test_timeout_expired
TEST_CASE("a limit that has expired cannot be moved when its body has ended", "[asyncio][timeouts]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::timeout_scope limit;
    limit.enter(weft::current_task().state(), now() + 10ms);
    const weft::outcome<> sleep = co_await weft::outcome_of(weft::sleep_for(1s));
    CHECK(sleep.cancelled());
    CHECK(limit.leave());  // the cancellation was the limit's alone
    CHECK_THROWS_AS(limit.reschedule(now() + 20ms), weft::usage_error);
    CHECK(limit.expired());
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

}  // namespace asyncio_timeouts_test
