// What CPython's tests of asyncio's event loops and handles say: running, calls, calls from threads, tiny sleeps.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"

#include <weft/core/callback.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio_events_test {

using namespace std::chrono_literals;
using weft::time_point;
using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

// ---- running ----

// CPython: events EventLoopTestsMixin.test_run_until_complete
TEST_CASE_METHOD(loop_on_virtual_time, "run_until_complete runs a task to its end and gives its result",
                 "[asyncio][events]") {
  const auto sleeps = []() -> weft::task<int> {
    co_await weft::sleep_for(100ms);
    co_return 5;
  };
  CHECK(loop.run_until_complete(sleeps) == 5);
  CHECK(loop.time() == time_point{100ms});
  CHECK_FALSE(loop.is_running());
}

// CPython: events EventLoopTestsMixin.test_run_until_complete_nesting
TEST_CASE_METHOD(loop_on_virtual_time, "run_until_complete is refused in a task of the same loop",
                 "[asyncio][events]") {
  bool ran = false;
  const auto inner = [&]() -> weft::task<> {
    ran = true;
    co_await weft::yield();
  };
  const auto outer = [&]() -> weft::task<> {
    CHECK(loop.is_running());
    loop.run_until_complete(inner);
    co_return;
  };
  CHECK_THROWS_AS(loop.run_until_complete(outer), weft::usage_error);
  CHECK_FALSE(ran);
}

// CPython: events EventLoopTestsMixin.test_run_until_complete_stopped
TEST_CASE_METHOD(loop_on_virtual_time, "stop() before the task is done makes run_until_complete fail",
                 "[asyncio][events]") {
  const auto stops = [&]() -> weft::task<> {
    loop.stop();
    co_await weft::sleep_for(100ms);
  };
  const weft::task_handle<> task = loop.create_task(stops);
  CHECK_THROWS_AS(loop.run_until_complete(task), weft::usage_error);
  CHECK_FALSE(task.done());
  CHECK(loop.time() == time_point{0ms});
  loop.run_until_complete(task);  // the task is none the worse for it
  CHECK(loop.time() == time_point{100ms});
}

// CPython: events EventLoopTestsMixin.test_call_soon
TEST_CASE_METHOD(loop_on_virtual_time, "call_soon hands its arguments to the function", "[asyncio][events]") {
  std::string result;
  const auto callback = [&](const std::string& first, const std::string& second) {
    result = first + " " + second;
    loop.stop();
  };
  loop.call_soon(callback, "hello", "world");
  loop.run_forever();
  CHECK(result == "hello world");
}

// CPython: events EventLoopTestsMixin.test_call_later
TEST_CASE_METHOD(loop_on_virtual_time, "call_later calls with its arguments when the time has come",
                 "[asyncio][events]") {
  std::string result;
  const auto callback = [&](const std::string& argument) {
    result = argument;
    loop.stop();
  };
  loop.call_later(0.1s, callback, "hello world");
  loop.run_forever();
  CHECK(result == "hello world");
  CHECK(loop.time() == time_point{100ms});
}

// CPython: events EventLoopTestsMixin.test_timeout_rounding
TEST_CASE("sleeps that are shorter than the poller's unit take one wait each, and no idle passes",
          "[asyncio][events]") {
  // Time passes only in the poller, in whole milliseconds.
  struct coarse_time final : weft::clock, weft::poller {
    time_point now() noexcept override { return present; }
    weft::duration wait_until(time_point deadline) noexcept override { return deadline - present; }
    bool watch(int, weft::interest) override { return true; }
    bool forget(int) noexcept override { return true; }
    void wait(weft::duration timeout, std::vector<weft::ready_event>&) override {
      ++waits;
      present += std::chrono::ceil<std::chrono::milliseconds>(timeout);
    }
    time_point present{};
    int waits = 0;
  } time;
  weft::event_loop loop({.clock = &time, .poller = &time});
  const auto sleeps = []() -> weft::task<> {
    for (const double seconds : {1e-2, 1e-4, 1e-6, 1e-8, 1e-10}) {
      co_await weft::sleep_for(std::chrono::duration<double>(seconds));
    }
  };
  loop.run_until_complete(sleeps);
  CHECK(time.waits == 5);
  CHECK(loop.time() == time_point{14ms});
}

// ---- calls from other threads ----

// CPython: events EventLoopTestsMixin.test_call_soon_threadsafe
TEST_CASE_METHOD(loop_on_virtual_time, "what another thread has posted already comes before what is queued after it",
                 "[asyncio][events]") {
  const weft_test::time_limit limit;
  event_log log;
  std::thread other([&, remote = loop.remote()] { remote.call_soon_threadsafe([&] { log("hello"); }); });
  other.join();
  loop.call_soon([&] { log("world"); });
  run_until_idle(loop);
  CHECK(log.text() == "hello world");
}

// CPython: events EventLoopTestsMixin.test_call_soon_threadsafe_same_thread
TEST_CASE_METHOD(loop_on_virtual_time, "call_soon_threadsafe in the loop's own thread keeps the order of the calls",
                 "[asyncio][events]") {
  const bool while_it_runs = GENERATE(true, false);
  event_log log;
  const auto calls_both = [&] {
    loop.remote().call_soon_threadsafe([&] { log("hello"); });
    loop.call_soon([&] { log("world"); });
  };
  if (while_it_runs) {
    loop.call_soon(calls_both);
  } else {
    calls_both();
  }
  run_until_idle(loop);
  CHECK(log.text() == "hello world");
}

// ---- handles ----

// CPython: events HandleTests.test_handle
// CPython: events TimerTests.test_timer
TEST_CASE_METHOD(loop_on_virtual_time, "a handle that is cancelled says so, and gives up function and arguments",
                 "[asyncio][events]") {
  const bool timer = GENERATE(false, true);
  weft_test::census census;
  const auto callback = [](const weft_test::tracked&, int) { FAIL("called"); };
  weft::callback_handle handle;
  if (timer) {
    handle = loop.call_at(time_point{10ms}, callback, weft_test::tracked(census), 2);
  } else {
    handle = loop.call_soon(callback, weft_test::tracked(census), 2);
  }
  CHECK_FALSE(handle.cancelled());
  CHECK(census.alive == 1);
  handle.cancel();
  CHECK(handle.cancelled());
  CHECK(census.alive == 0);
  run_until_idle(loop);
  CHECK(loop.time() == time_point{0ms});
}

// CPython: events HandleTests.test_callback_with_exception
TEST_CASE_METHOD(loop_on_virtual_time, "a callback that throws goes to the exception handler, and the pass goes on",
                 "[asyncio][events]") {
  weft_test::reports told;
  told.listen(loop);
  event_log log;
  const weft::callback_handle handle = loop.call_soon([] { throw std::invalid_argument("wrong value"); });
  loop.call_soon([&] { log("next"); });
  run_one_pass(loop);
  CHECK(told.text() == "Exception in callback: wrong value");
  CHECK(log.text() == "next");
  CHECK_FALSE(handle.cancelled());
}

// CPython: events TimerTests.test_when
TEST_CASE_METHOD(loop_on_virtual_time, "a timer's handle says when it is due, also when that is over or cancelled",
                 "[asyncio][events]") {
  time.advance(1s);
  weft::timer_handle at = loop.call_at(time_point{5s}, [] {});
  weft::timer_handle later = loop.call_later(5s, [] {});
  CHECK(at.when() == time_point{5s});
  CHECK(later.when() == time_point{6s});
  later.cancel();
  run_until_idle(loop);
  CHECK(at.when() == time_point{5s});
  CHECK(later.when() == time_point{6s});
}

// CPython: events TimerTests.test_timer_comparison
TEST_CASE_METHOD(loop_on_virtual_time, "timers are ordered by time, equal ones by the order of the calls",
                 "[asyncio][events]") {
  event_log log;
  const time_point when{1s};
  loop.call_at(when + 10s, std::ref(log), "late");
  loop.call_at(when, std::ref(log), "first");
  weft::timer_handle cancelled = loop.call_at(when, std::ref(log), "cancelled");
  loop.call_at(when, std::ref(log), "second");
  cancelled.cancel();
  run_until_idle(loop);
  CHECK(log.text() == "first second late");
}

}  // namespace asyncio_events_test
