// What CPython's tests of asyncio.wait_for() say.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/exception_group.hpp>
#include <weft/flow/finally.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/shield.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/wait_for.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace asyncio_waitfor_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

weft::task<std::string> done_after(std::chrono::milliseconds time) {
  co_await weft::sleep_for(time);
  co_return "done";
}
// Runs for 200 ms, whoever cancels it.
weft::task<int> stubborn(event_log& log) {
  const weft::time_point end = weft::event_loop::current().time() + 200ms;
  while (weft::event_loop::current().time() < end) {
    try {
      co_await weft::sleep_until(end);
    } catch (const weft::cancelled_error&) {
      log("ignored");
    }
  }
  log("exited");
  co_return 9;
}
// Says when it starts and when it is cancelled, and takes `tidying` to end then.
weft::task<std::string> sleeps(event_log& log, std::chrono::milliseconds tidying = 0ms) {
  log("started");
  weft::outcome<> result = co_await weft::outcome_of(weft::sleep_for(10s));
  if (result.cancelled()) {
    log("cancelled");
    if (tidying > 0ms) co_await weft::sleep_for(tidying);
    log("ended");
  }
  result.value();
  co_return "done";
}
template <class T>
bool timed_out(const weft::outcome<T>& result) {
  return result.failed() && weft::holds<weft::timeout_error>(result.exception());
}

// ---- the limit ----

// CPython: waitfor AsyncioWaitForTest.test_wait_for_blocking
TEST_CASE("wait_for without a limit gives the result, and a task that never waits takes no pass",
          "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto at_once = []() -> weft::task<std::string> { co_return "done"; };
    pass_counter counter;
    const std::string result = co_await weft::wait_for(at_once(), std::nullopt);
    CHECK(result == "done");
    CHECK(counter.passes() == 0);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for
TEST_CASE("wait_for cancels a running task when the time is over", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    auto running = weft::create_task(sleeps(log));
    const auto result = co_await weft::outcome_of(weft::wait_for(running, 100ms));
    CHECK(timed_out(result));
    CHECK(running.cancelled());
    CHECK(log.text() == "started cancelled ended");
    CHECK(now_ms() == 100);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_asyncio_wait_for_timeout
TEST_CASE("wait_for returns only when a task that ignores its cancellation has ended, and gives its value",
          "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const weft::outcome<int> result = co_await weft::outcome_of(weft::wait_for(stubborn(log), 100ms));
    CHECK(result.value() == 9);
    CHECK(log.text() == "ignored exited");
    CHECK(now_ms() == 200);
    CHECK(weft::current_task().cancelling() == 0);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_waits_for_task_cancellation
TEST_CASE("wait_for waits for the clean-up of a task that it has cancelled", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    auto running = weft::create_task(sleeps(log, 30ms));
    const auto result = co_await weft::outcome_of(weft::wait_for(running, 10ms));
    CHECK(timed_out(result));
    CHECK(log.text() == "started cancelled ended");
    CHECK(now_ms() == 40);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_reraises_exception_during_cancellation
TEST_CASE("an error with which a task answers the end of its time wins over timeout_error", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto running = weft::create_task([]() -> weft::task<> {
      try {
        co_await weft::sleep_for(200ms);
      } catch (const weft::cancelled_error&) {
        throw std::domain_error("could not tidy up");
      }
    });
    const weft::outcome<> result = co_await weft::outcome_of(weft::wait_for(running, 10ms));
    CHECK(weft::holds<std::domain_error>(result.exception()));
    CHECK(now_ms() == 10);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_cancellation_race_condition
// CPython: waitfor AsyncioWaitForTest.test_wait_for_cancel_suppressed
TEST_CASE("a value with which a task answers the end of its time wins over timeout_error", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto returns_all_the_same = []() -> weft::task<int> {
      try {
        co_await weft::sleep_for(10s);
      } catch (const weft::cancelled_error&) {
        co_return 42;
      }
      co_return 1;
    };
    const int from_a_coroutine = co_await weft::wait_for(returns_all_the_same(), 100ms);
    CHECK(from_a_coroutine == 42);
    CHECK(now_ms() == 100);
    const int from_a_task = co_await weft::wait_for(weft::create_task(returns_all_the_same), 100ms);
    CHECK(from_a_task == 42);
    CHECK(now_ms() == 200);
    CHECK(weft::current_task().cancelling() == 0);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_race_condition
TEST_CASE("wait_for gives what a callback sets in a future, and its timer is gone", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::future<std::string> answer;
    weft::event_loop::current().call_soon([answer] { answer.set_result("ok"); });
    const std::string result = co_await weft::wait_for(answer, 200ms);
    CHECK(result == "ok");
    CHECK(now_ms() == 0);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

// ---- no time at all ----

// CPython: waitfor AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_future_done
TEST_CASE("wait_for with no time at all gives the result of a future that is done", "[asyncio][waitfor]") {
  const auto limit = GENERATE(0s, -1s);
  run_on_virtual_time([&]() -> weft::task<> {
    weft::future<std::string> answer;
    answer.set_result("done");
    pass_counter counter;
    const auto result = co_await weft::outcome_of(weft::wait_for(answer, limit));
    REQUIRE(result.has_value());
    CHECK(result.value() == "done");
    CHECK(counter.passes() == 0);
    CHECK(answer.done());
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started
TEST_CASE("wait_for with no time at all does not start a coroutine", "[asyncio][waitfor]") {
  const auto limit = GENERATE(0s, -1s);
  run_on_virtual_time([&]() -> weft::task<> {
    event_log log;
    pass_counter counter;
    const auto result = co_await weft::outcome_of(weft::wait_for(sleeps(log), limit));
    CHECK(timed_out(result));
    CHECK(log.text().empty());
    CHECK(counter.passes() == 3);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0
TEST_CASE("wait_for with no time at all cancels a task that runs, and waits for its end", "[asyncio][waitfor]") {
  const auto limit = GENERATE(0s, -1s);
  run_on_virtual_time([&]() -> weft::task<> {
    event_log log;
    auto running = weft::create_task(sleeps(log));
    co_await weft::yield();
    REQUIRE(log.text() == "started");
    pass_counter counter;
    const auto result = co_await weft::outcome_of(weft::wait_for(running, limit));
    CHECK(timed_out(result));
    CHECK(running.cancelled());
    CHECK(log.text() == "started cancelled ended");
    CHECK(counter.passes() == 3);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_waits_for_task_cancellation_w_timeout_0
TEST_CASE("wait_for with no time at all waits for the clean-up of a task that runs", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    auto running = weft::create_task(sleeps(log, 30ms));
    co_await weft::sleep_for(1ms);
    const auto result = co_await weft::outcome_of(weft::wait_for(running, 0s));
    CHECK(timed_out(result));
    CHECK(log.text() == "started cancelled ended");
    CHECK(now_ms() == 31);
  });
}

// ---- cancelled while it waits ----

// CPython: waitfor AsyncioWaitForTest.test_asyncio_wait_for_cancelled
TEST_CASE("a cancelled wait_for waits for a task that ignores it, and ends with its value", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    auto waiting = weft::create_task(weft::wait_for(stubborn(log), 400ms));
    co_await weft::yield();
    waiting.cancel();
    const weft::outcome<int> result = co_await weft::outcome_of(waiting);
    CHECK(result.value() == 9);
    CHECK_FALSE(waiting.cancelled());
    CHECK(log.text() == "ignored exited");
    CHECK(now_ms() == 200);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_cancel_blocking_wait_for
// CPython: waitfor AsyncioWaitForTest.test_cancel_wait_for
TEST_CASE("cancelling wait_for cancels the task that it waits for, with a limit or without", "[asyncio][waitfor]") {
  const bool limited = GENERATE(false, true);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto waits_for_ever = []() -> weft::task<> {
      const weft::future<> never;
      co_await never;
    };
    auto running = weft::create_task(waits_for_ever);
    weft::time_limit limit = std::nullopt;
    if (limited) limit = 60s;
    auto waiting = weft::create_task(weft::wait_for(running, limit));
    weft::event_loop::current().call_soon([waiting] { waiting.cancel(); });
    const weft::outcome<> result = co_await weft::outcome_of(waiting);
    CHECK(result.cancelled());
    CHECK(waiting.cancelled());
    CHECK(running.cancelled());
    CHECK(now_ms() == 0);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_self_cancellation
TEST_CASE("cancelling a wait_for that is already waiting for a late task asks that task once more",
          "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto holds_out_twice = []() -> weft::task<int> {
      for (int i = 0; i < 2; ++i) {
        const weft::outcome<> sleep = co_await weft::outcome_of(weft::sleep_for(300ms));
        CHECK(sleep.cancelled());
      }
      co_await weft::sleep_for(300ms);
      co_return 42;
    };
    auto inner = weft::create_task(holds_out_twice);
    auto waiting = weft::create_task(weft::wait_for(inner, 100ms));
    co_await weft::sleep_for(200ms);
    CHECK(inner.cancelling() == 1);
    waiting.cancel();
    CHECK(inner.cancelling() == 2);
    // CPython 3.11 ended the wait at once, as cancelled. Since 3.12 it lasts, and a value wins.
    const weft::outcome<int> result = co_await weft::outcome_of(waiting);
    CHECK(result.value() == 42);
    CHECK(now_ms() == 500);
  });
}

// CPython: waitfor AsyncioWaitForTest.test_wait_for_issue86296
TEST_CASE("a cancellation in the pass in which the task ends is not swallowed by wait_for", "[asyncio][waitfor]") {
  const bool done_at_once = GENERATE(true, false);
  run_on_virtual_time([&]() -> weft::task<> {
    event_log log;
    auto inner = weft::create_task([&]() -> weft::task<std::string> {
      if (!done_at_once) co_await weft::yield();
      co_return "done";
    });
    auto waiting = weft::create_task([&]() -> weft::task<> {
      co_await weft::wait_for(inner, 100s);
      log("waited");
      co_await weft::sleep_for(1s);
      log("reached_the_end");
    });
    co_await weft::yield();
    if (!done_at_once) co_await weft::yield();
    CHECK(inner.done());
    waiting.cancel();
    const weft::outcome<> result = co_await weft::outcome_of(waiting);
    CHECK(result.cancelled());
    CHECK(inner.result() == "done");
    CHECK(log.text() == (done_at_once ? "waited" : ""));
  });
}

// ---- shielded ----

// CPython: waitfor WaitForShieldTests.test_zero_timeout
TEST_CASE("wait_for with no time at all leaves a shielded task running", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto running = weft::create_task(done_after(10ms));
    const auto result = co_await weft::outcome_of(weft::wait_for(weft::shield(running), 0s));
    CHECK(timed_out(result));
    CHECK_FALSE(running.done());
    CHECK(running.cancelling() == 0);
    co_await weft::sleep_for(100ms);
    CHECK(running.result() == "done");
  });
}

// CPython: waitfor WaitForShieldTests.test_none_timeout
TEST_CASE("wait_for without a limit waits for a shielded task to end", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto running = weft::create_task(done_after(100ms));
    const std::string result = co_await weft::wait_for(weft::shield(running), std::nullopt);
    CHECK(result == "done");
    CHECK(running.done());
    CHECK(now_ms() == 100);
  });
}

// CPython: waitfor WaitForShieldTests.test_shielded_timeout
TEST_CASE("a shielded task survives the end of wait_for's time", "[asyncio][waitfor]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto running = weft::create_task(done_after(100ms));
    const auto result = co_await weft::outcome_of(weft::wait_for(weft::shield(running), 10ms));
    CHECK(timed_out(result));
    CHECK(now_ms() == 10);
    CHECK_FALSE(running.done());
    co_await running;
    CHECK(running.result() == "done");
    CHECK(now_ms() == 100);
  });
}

}  // namespace asyncio_waitfor_test
