// What CPython's test_tasks states, on weft: tasks, sleeping, who is cancelled by what.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio_tasks_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::run_one_pass;

weft::task<int> gives(int value) { co_return value; }
weft::task<int> sleeps(std::chrono::milliseconds time, int value) {
  co_await weft::sleep_for(time);
  co_return value;
}
weft::task<> waits_for(weft::future<> what) { co_await what; }

// Its end, as asyncio's tests look at it: cancelled, for good.
void check_cancelled(weft::event_loop& loop, const weft::task_ref& task) {
  CHECK_THROWS_AS(loop.run_until_complete(task), weft::cancelled_error);
  CHECK(task.done());
  CHECK(task.cancelled());
  CHECK_FALSE(task.cancel());
}

// ---- tasks ----

// CPython: tasks BaseTaskTests.test_task_basics
TEST_CASE("a coroutine awaits others and goes on with their results", "[asyncio][tasks]") {
  const int sum = run_on_virtual_time([]() -> weft::task<int> {
    const int a = co_await gives(42);
    const int b = co_await gives(1000);
    co_return a + b;
  });
  CHECK(sum == 1042);
}

// CPython: tasks BaseTaskTests.test_bare_create_task
// CPython: tasks BaseTaskTests.test_bare_create_named_task
TEST_CASE("create_task takes a coroutine, and a name if it is given one", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto unnamed = weft::create_task(gives(1));
    auto named = weft::create_task(gives(2), "No-op");
    CHECK(unnamed.name() == "Task-2");
    CHECK(named.name() == "No-op");
    const int sum = co_await unnamed + co_await named;
    CHECK(sum == 3);
  });
}

// CPython: tasks BaseTaskTests.test_task_awaits_on_itself
TEST_CASE("a task that awaits itself gets an error and does not hang", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  weft::task_handle<> self;
  auto body = [&]() -> weft::task<> { co_await self; };
  self = on.loop.create_task(body);
  CHECK_THROWS_WITH(on.loop.run_until_complete(self), contains("cannot await itself"));
  CHECK_FALSE(self.cancelled());
}

// CPython: tasks BaseTaskTests.test_other_loop_future
TEST_CASE("a task gets an error when it awaits a future of another loop", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  weft::event_loop other;
  const weft::future<> foreign(other);
  CHECK_THROWS_WITH(on.loop.run_until_complete(waits_for(foreign)), contains("another loop"));
  CHECK_FALSE(foreign.done());
}

// CPython: tasks BaseTaskTests.test_current_task
// CPython: tasks BaseCurrentLoopTests.test_current_task_no_running_loop
TEST_CASE("current_task is the task that runs, and none outside of tasks", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  weft::task_handle<> task;
  auto body = [&]() -> weft::task<> {
    CHECK(weft::current_task() == task);
    co_await weft::yield();
    CHECK(weft::current_task() == task);
  };
  CHECK_FALSE(weft::current_task());
  task = on.loop.create_task(body);
  on.loop.run_until_complete(task);
  CHECK_FALSE(weft::current_task());
}

// CPython: tasks BaseTaskTests.test_current_task_with_interleaving_tasks
TEST_CASE("each of two tasks that take turns is the current one in its turn", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<> first(on.loop);
  const weft::future<> second(on.loop);
  weft::task_handle<> one;
  weft::task_handle<> two;
  auto body_of_one = [&]() -> weft::task<> {
    CHECK(weft::current_task() == one);
    co_await first;
    CHECK(weft::current_task() == one);
    second.set_result();
  };
  auto body_of_two = [&]() -> weft::task<> {
    CHECK(weft::current_task() == two);
    first.set_result();
    co_await second;
    CHECK(weft::current_task() == two);
  };
  one = on.loop.create_task(body_of_one);
  two = on.loop.create_task(body_of_two);
  on.loop.run_until_complete(two);
  CHECK(one.done());
  CHECK_FALSE(weft::current_task());
}

// CPython: tasks BaseTaskTests.test_stop_while_run_in_complete
TEST_CASE("run_until_complete throws if the loop is stopped before the task is done", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  int rounds = 0;
  auto body = [&]() -> weft::task<> {
    for (; rounds < 10; ++rounds) {
      if (rounds == 2) on.loop.stop();
      co_await weft::sleep_for(100ms);
    }
  };
  auto task = on.loop.create_task(body);
  CHECK_THROWS_WITH(on.loop.run_until_complete(task), contains("stopped before"));
  CHECK_FALSE(task.done());
  CHECK(rounds == 2);
  CHECK(on.loop.time().time_since_epoch() == 200ms);
  task.cancel();
  check_cancelled(on.loop, task);
}

// CPython: tasks BaseTaskTests.test_log_destroyed_pending_task
TEST_CASE("a task that is destroyed before it has ended is reported", "[asyncio][tasks]") {
  reports told;
  event_log log;
  {
    loop_on_virtual_time on;
    told.listen(on.loop);
    const weft::future<> never(on.loop);
    auto body = [&]() -> weft::task<> {
      const weft_test::says_goodbye goodbye(log, "destroyed");
      co_await never;
      log("never_reached");
    };
    auto task = on.loop.create_task(body);
    task.set_name("kill_me");
    run_one_pass(on.loop);
    CHECK(weft::all_tasks(on.loop) == std::vector<weft::task_ref>{task});
    CHECK(told.count() == 0);
  }
  CHECK(told.text() == "Task was destroyed but it is pending: 'kill_me'");
  CHECK(log.text() == "destroyed");
}

// ---- sleeping ----

// CPython: tasks BaseTaskTests.test_sleep
TEST_CASE("two sleeps one after the other take the sum of their times", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    co_await weft::sleep_for(50ms);
    CHECK(now_ms() == 50);
    co_await weft::sleep_for(50ms);
    CHECK(now_ms() == 100);
  });
}

// CPython: tasks SleepTests.test_sleep_zero
TEST_CASE("a sleep of no time lets what is ready run once, in one pass", "[asyncio][tasks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const pass_counter counter;
    weft::event_loop::current().call_soon([&] { log("called"); });
    log("before");
    co_await weft::sleep_for(0ms);
    log("after");
    CHECK(counter.passes() == 1);
    CHECK(now_ms() == 0);
  });
  CHECK(log.text() == "before called after");
}

// CPython: tasks BaseTaskTests.test_sleep_cancel
TEST_CASE("a cancelled sleep leaves no timer behind", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  auto task = on.loop.create_task(sleeps(10s, 1));
  run_one_pass(on.loop);
  CHECK(on.loop.armed_timers() == 1);
  task.cancel();
  run_one_pass(on.loop);
  CHECK(on.loop.armed_timers() == 0);
  CHECK(task.cancelled());
}

// CPython: tasks BaseTaskTests.test_sleep_when_delay_is_nan
TEST_CASE("a sleep whose time is not a number is refused", "[asyncio][tasks]") {
  auto body = []() -> weft::task<> {
    co_await weft::sleep_for(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()));
  };
  CHECK_THROWS_AS(run_on_virtual_time(body), std::invalid_argument);
}

// ---- cancelling ----

// CPython: tasks BaseTaskTests.test_cancel
TEST_CASE("a sleeping task that is cancelled ends cancelled, at once and for good", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  auto task = on.loop.create_task(sleeps(10s, 12));
  on.loop.call_soon([&] { CHECK(task.cancel()); });
  check_cancelled(on.loop, task);
  CHECK(on.loop.time().time_since_epoch() == 0ms);
  CHECK_THROWS_AS(task.result(), weft::cancelled_error);
}

// CPython: tasks BaseTaskTests.test_cancel_yield
TEST_CASE("a task that has only given way for a pass can be cancelled", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  event_log log;
  auto body = [&]() -> weft::task<> {
    co_await weft::yield();
    log("went_on");
  };
  auto task = on.loop.create_task(body);
  run_one_pass(on.loop);
  task.cancel();
  check_cancelled(on.loop, task);
  CHECK(log.text().empty());
}

// CPython: tasks BaseTaskTests.test_task_cancel_sleeping_task
TEST_CASE("who awaits a task sees that it was cancelled, and can go on", "[asyncio][tasks]") {
  const std::string seen = run_on_virtual_time([]() -> weft::task<std::string> {
    auto sleeper = weft::create_task(sleeps(5000s, 1));
    weft::event_loop::current().call_later(100ms, [&] { sleeper.cancel(); });
    try {
      co_await sleeper;
    } catch (const weft::cancelled_error&) {
      co_return "cancelled at " + std::to_string(now_ms());
    }
    co_return "slept in";
  });
  CHECK(seen == "cancelled at 100");
}

// CPython: tasks BaseTaskTests.test_cancel_inner_future
TEST_CASE("cancelling the future that a task waits for cancels the task", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<> inner(on.loop);
  auto task = on.loop.create_task(waits_for(inner));
  run_one_pass(on.loop);
  CHECK(inner.cancel());
  CHECK(task.cancelling() == 0);
  check_cancelled(on.loop, task);
}

// CPython: tasks BaseTaskTests.test_task_cancel_waiter_future
TEST_CASE("cancelling a task cancels the future that it waits for, and that at once", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<> inner(on.loop);
  auto task = on.loop.create_task(waits_for(inner));
  run_one_pass(on.loop);
  task.cancel();
  CHECK(inner.cancelled());
  CHECK_FALSE(task.done());
  check_cancelled(on.loop, task);
}

// CPython: tasks BaseTaskTests.test_cancel_both_task_and_inner_future
TEST_CASE("a task and its future cancelled in one pass make one cancellation", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  event_log log;
  const weft::future<> inner(on.loop);
  auto body = [&]() -> weft::task<> {
    try {
      co_await inner;
    } catch (const weft::cancelled_error&) {
      log("cancelled");
      throw;
    }
  };
  auto task = on.loop.create_task(body);
  run_one_pass(on.loop);
  CHECK(inner.cancel());
  CHECK(task.cancel());
  check_cancelled(on.loop, task);
  CHECK(inner.cancelled());
  CHECK(log.text() == "cancelled");
}

// CPython: tasks BaseTaskTests.test_cancel_task_catching
TEST_CASE("a task that catches its cancellation and returns was not cancelled", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<> first(on.loop);
  const weft::future<> second(on.loop);
  auto body = [&]() -> weft::task<int> {
    co_await first;
    try {
      co_await second;
    } catch (const weft::cancelled_error&) {
      co_return 42;
    }
    co_return 0;
  };
  auto task = on.loop.create_task(body);
  run_one_pass(on.loop);
  first.set_result();
  run_one_pass(on.loop);
  task.cancel();
  CHECK(second.cancelled());
  CHECK(on.loop.run_until_complete(task) == 42);
  CHECK_FALSE(task.cancelled());
}

// CPython: tasks BaseTaskTests.test_cancel_task_ignoring
TEST_CASE("a task that swallows its cancellation waits for the next thing undisturbed", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<> first(on.loop);
  const weft::future<int> second(on.loop);
  auto body = [&]() -> weft::task<int> {
    try {
      co_await first;
    } catch (const weft::cancelled_error&) {
    }
    co_return co_await second;
  };
  auto task = on.loop.create_task(body);
  run_one_pass(on.loop);
  task.cancel();
  CHECK(first.cancelled());
  run_one_pass(on.loop);
  CHECK_FALSE(second.done());
  second.set_result(42);
  CHECK(on.loop.run_until_complete(task) == 42);
  CHECK_FALSE(task.cancelled());
}

// CPython: tasks BaseTaskTests.test_cancel_current_task
TEST_CASE("a task that cancels itself goes on until it waits for something", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  event_log log;
  auto body = [&]() -> weft::task<int> {
    CHECK(weft::current_task().cancel());
    log("before");
    co_await weft::sleep_for(100s);
    log("after");
    co_return 12;
  };
  auto task = on.loop.create_task(body);
  check_cancelled(on.loop, task);
  CHECK(log.text() == "before");
  CHECK(on.loop.time().time_since_epoch() == 0ms);
}

// CPython: tasks BaseTaskTests.test_cancel_at_end
TEST_CASE("a task that cancels itself and returns is cancelled, and its value is lost", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  auto body = []() -> weft::task<int> {
    weft::current_task().cancel();
    co_return 12;
  };
  auto task = on.loop.create_task(body);
  check_cancelled(on.loop, task);
  CHECK_THROWS_AS(task.result(), weft::cancelled_error);
}

// CPython: tasks BaseTaskTests.test_cancel_awaited_task
TEST_CASE("a task that cancels itself and then awaits another one cancels that one", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<> inner(on.loop);
  weft::task_handle<> nested;
  auto body = [&]() -> weft::task<> {
    nested = weft::create_task(waits_for(inner));
    co_await weft::yield();
    weft::current_task().cancel();
    CHECK_FALSE(inner.cancelled());
    co_await nested;
  };
  auto task = on.loop.create_task(body);
  check_cancelled(on.loop, task);
  CHECK(nested.cancelled());
  CHECK(inner.cancelled());
}

// CPython: tasks BaseTaskTests.test_yield_future_passes_cancel
TEST_CASE("a cancellation goes inwards to the future, and outwards through the coroutines", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  event_log log;
  const weft::future<> waiter(on.loop);
  auto inner = [&]() -> weft::task<> {
    try {
      co_await waiter;
    } catch (const weft::cancelled_error&) {
      log("inner");
      throw;
    }
  };
  auto outer = [&]() -> weft::task<> {
    try {
      co_await inner();
    } catch (const weft::cancelled_error&) {
      log("outer");
    }
  };
  auto task = on.loop.create_task(outer);
  run_one_pass(on.loop);
  task.cancel();
  on.loop.run_until_complete(task);
  CHECK(log.text() == "inner outer");
  CHECK(waiter.cancelled());
  CHECK_FALSE(task.cancelled());
}

// ---- counting the requests ----

// CPython: tasks BaseTaskTests.test_cancelling
TEST_CASE("each cancel of a task that is not done is counted", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  auto task = on.loop.create_task(sleeps(10s, 1));
  CHECK(task.cancelling() == 0);
  CHECK(task.cancel());
  CHECK(task.cancelling() == 1);
  CHECK(task.cancel());
  CHECK(task.cancelling() == 2);
  check_cancelled(on.loop, task);
}

// CPython: tasks BaseTaskTests.test_uncancel_basic
TEST_CASE("a task that takes a request back can be cancelled again, but not when it is done", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  auto body = []() -> weft::task<> {
    try {
      co_await weft::sleep_for(10s);
    } catch (const weft::cancelled_error&) {
      weft::current_task().uncancel();
    }
    co_await weft::sleep_for(10s);
  };
  auto task = on.loop.create_task(body);
  run_one_pass(on.loop);
  CHECK(task.cancel());
  CHECK(task.cancelling() == 1);
  run_one_pass(on.loop);
  CHECK(task.cancelling() == 0);
  CHECK_FALSE(task.done());
  CHECK(task.cancel());
  CHECK(task.cancelling() == 1);
  check_cancelled(on.loop, task);
  CHECK(task.uncancel() == 0);
  CHECK(task.uncancel() == 0);
  CHECK(task.cancelled());
}

// CPython: tasks BaseTaskTests.test_uncancel_resets_must_cancel
TEST_CASE("a cancellation that is taken back before it is delivered has not happened", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<int> inner(on.loop);
  auto body = [&]() -> weft::task<int> { co_return co_await inner; };
  auto task = on.loop.create_task(body);
  run_one_pass(on.loop);
  inner.set_result(42);  // from here on a request can only wait for the next step
  CHECK(task.cancel());
  CHECK(task.cancelling() == 1);
  CHECK(task.uncancel() == 0);
  CHECK(on.loop.run_until_complete(task) == 42);
}

// A time limit as the task's own code would make it: it gives back the request that it made, and takes the cancellation
// for its own only if no other request is left.
weft::task<std::string> limited_sleep(std::chrono::milliseconds time, std::chrono::milliseconds limit) {
  const weft::task_ref self = weft::current_task();
  bool expired = false;
  bool cancelled = false;
  auto timer = weft::event_loop::current().call_later(limit, [&] {
    expired = true;
    self.cancel();
  });
  try {
    co_await weft::sleep_for(time);
  } catch (const weft::cancelled_error&) {
    cancelled = true;
  }
  timer.cancel();
  const bool mine = expired && self.uncancel() == 0;
  if (cancelled && !mine) throw weft::cancelled_error();
  co_await weft::yield();  // nobody cancels what comes after the block
  co_return cancelled ? "timed out" : "slept";
}

// CPython: tasks BaseTaskTests.test_uncancel_structured_blocks
TEST_CASE("a block that cancels its own task and takes that back keeps the task going", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  auto late = on.loop.create_task(limited_sleep(10s, 100ms));
  CHECK(on.loop.run_until_complete(late) == "timed out");
  CHECK(late.cancelling() == 0);
  auto soon = on.loop.create_task(limited_sleep(0ms, 10s));
  CHECK(on.loop.run_until_complete(soon) == "slept");
  CHECK(soon.cancelling() == 0);
  CHECK(on.loop.armed_timers() == 0);
  auto both = on.loop.create_task(limited_sleep(10s, 100ms));
  on.loop.call_later(100ms, [&] { both.cancel(); });
  check_cancelled(on.loop, both);
  CHECK(both.cancelling() == 1);
}

}  // namespace asyncio_tasks_test
