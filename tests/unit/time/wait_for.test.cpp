// Tests of weft/time/wait_for.hpp: what can be waited for, in which forms, and what is waited for at the end.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/wait_for.hpp>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace time_wait_for_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

template <class T>
weft::task<T> gives(T value, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  co_return value;
}
// Says that it was cancelled, and takes its time to end.
weft::task<> slow_to_end(event_log& log, std::chrono::milliseconds cleanup) {
  bool cancelled = false;
  try {
    co_await weft::sleep_for(1h);
  } catch (const weft::cancelled_error&) {
    cancelled = true;
  }
  log(cancelled ? "cancelled" : "slept");
  co_await weft::sleep_for(cleanup);
  log("ended");
  if (cancelled) throw weft::cancelled_error();
}

// ---- forms ----

TEST_CASE("wait_for takes a task, a function, a handle or an operation", "[time][wait_for]") {
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    const int task = co_await weft::wait_for(gives(1, 1ms), 10ms);
    const int function = co_await weft::wait_for([] { return gives(2, 1ms); }, 10ms);
    auto handle = weft::create_task(gives(3, 1ms));
    const int named = co_await weft::wait_for(handle, 10ms);
    const int temporary = co_await weft::wait_for(weft::create_task(gives(4, 1ms)), 10ms);
    weft::event_loop::current().call_later(1ms, [&] { q.put_nowait(5); });
    const int operation = co_await weft::wait_for(q.get(), 10ms);
    const int all[] = {task, function, named, temporary, operation};
    for (int i = 0; i < 5; ++i) CHECK(all[i] == i + 1);
    CHECK(now_ms() == 5);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

TEST_CASE("wait_for gives the lock of a mutex", "[time][wait_for]") {
  weft::mutex m;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      const weft::mutex_lock lock = co_await weft::wait_for(m.lock(), 10ms);
      CHECK(m.locked());
      const auto second = co_await weft::outcome_of(weft::wait_for(m.lock(), 10ms));
      CHECK(second.failed());
      CHECK(m.waiters() == 0);
    }
    CHECK_FALSE(m.locked());
  });
}

TEST_CASE("wait_for gives nothing, references and what only moves, from a task or a handle", "[time][wait_for]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    int& got = co_await weft::wait_for(refers(), 10ms);
    got = 2;
    auto owner = co_await weft::wait_for(gives(std::make_unique<int>(3)), 10ms);
    CHECK(*owner == 3);
    auto handle = weft::create_task(gives(std::move(owner), 1ms));
    const auto moved = co_await weft::wait_for(handle, 10ms);
    CHECK(*moved == 3);
    weft::event e;
    e.set();
    co_await weft::wait_for(e.wait(), 10ms);
  });
  CHECK(target == 2);
}

TEST_CASE("wait_for of a handle copies the result, and others can still ask for it", "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto handle = weft::create_task(gives(std::string("a string that is too long for the small buffer"), 1ms));
    for (const auto limit : {10ms, 0ms}) {
      const std::string copy = co_await weft::wait_for(handle, limit);
      CHECK(copy == handle.result());
      CHECK(copy.size() > 20);
    }
  });
}

TEST_CASE("wait_for takes a future, and cancels it when the time is over", "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::future<int> set;
    weft::event_loop::current().call_later(1ms, [&] { set.set_result(7); });
    const int n = co_await weft::wait_for(set, 10ms);
    CHECK(n == 7);
    const weft::future<int> never;
    const auto outcome = co_await weft::outcome_of(weft::wait_for(weft::future(never), 10ms));
    CHECK_THROWS_AS(outcome.value(), weft::timeout_error);
    CHECK(never.cancelled());
  });
}

// ---- the end of the time ----

TEST_CASE("wait_for cancels a task that takes too long, and returns when it has ended", "[time][wait_for]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto inside = co_await weft::outcome_of(weft::wait_for(slow_to_end(log, 3ms), 10ms));
    CHECK_THROWS_AS(inside.value(), weft::timeout_error);
    CHECK(now_ms() == 13);
    auto handle = weft::create_task(slow_to_end(log, 3ms));
    const auto outside = co_await weft::outcome_of(weft::wait_for(handle, 10ms));
    CHECK_THROWS_AS(outside.value(), weft::timeout_error);
    CHECK(handle.cancelled());
    CHECK(now_ms() == 26);
  });
  CHECK(log.text() == "cancelled ended cancelled ended");
}

TEST_CASE("with a limit that is over nothing new starts, and what is done gives its result", "[time][wait_for]") {
  event_log log;
  weft::event set;
  set.set();
  run_on_virtual_time([&]() -> weft::task<> {
    const auto says = [&]() -> weft::task<> {
      log("ran");
      co_return;
    };
    auto done = weft::create_task(gives(5));
    co_await done;
    auto running = weft::create_task(slow_to_end(log, 2ms));
    co_await weft::yield();
    for (const auto limit : {0ms, -1ms}) {
      const auto fresh = co_await weft::outcome_of(weft::wait_for(says(), limit));
      CHECK_THROWS_AS(fresh.value(), weft::timeout_error);
      const auto event = co_await weft::outcome_of(weft::wait_for(set.wait(), limit));
      CHECK_THROWS_AS(event.value(), weft::timeout_error);
      const int n = co_await weft::wait_for(done, limit);
      CHECK(n == 5);
    }
    const auto ended = co_await weft::outcome_of(weft::wait_for(running, 0ms));
    CHECK_THROWS_AS(ended.value(), weft::timeout_error);
    CHECK(running.cancelled());
    CHECK(now_ms() == 2);
  });
  CHECK(log.text() == "cancelled ended");
}

TEST_CASE("wait_for takes a task_ref as it takes a handle, also with a limit that is over", "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto sleeps = [](std::chrono::milliseconds time) -> weft::task<int> {
      co_await weft::sleep_for(time);
      co_return 1;
    };
    const weft::task_ref quick = weft::create_task(sleeps, 1ms);
    co_await weft::wait_for(quick, 1s);
    CHECK(quick.done());
    co_await weft::wait_for(quick, 0s);
    const weft::task_ref slow = weft::create_task(sleeps, 3600000ms);
    co_await weft::yield();
    bool late = false;
    try {
      co_await weft::wait_for(slow, 0s);
    } catch (const weft::timeout_error&) {
      late = true;
    }
    CHECK(late);
    CHECK(slow.cancelled());
  });
}

TEST_CASE("std::nullopt is no limit for wait_for", "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    const int n = co_await weft::wait_for(gives(1, 1h), std::nullopt);
    CHECK(n == 1);
  });
}

TEST_CASE("wait_until waits until a point in time", "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto start = weft::event_loop::current().time();
    const int n = co_await weft::wait_until(gives(1, 5ms), start + 10ms);
    CHECK(n == 1);
    const auto late = co_await weft::outcome_of(weft::wait_until(gives(1, 6ms), start + 10ms));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    CHECK(now_ms() == 10);
    const auto over = co_await weft::outcome_of(weft::wait_until(gives(1), start));
    CHECK_THROWS_AS(over.value(), weft::timeout_error);
  });
}

TEST_CASE("a failure of what wait_for waits for passes", "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto throws = []() -> weft::task<int> {
      co_await weft::sleep_for(1ms);
      throw std::runtime_error("broken");
    };
    const auto inside = co_await weft::outcome_of(weft::wait_for(throws(), 10ms));
    CHECK_THROWS_WITH(inside.value(), "broken");
    auto handle = weft::create_task(throws());
    const auto outside = co_await weft::outcome_of(weft::wait_for(handle, 10ms));
    CHECK_THROWS_WITH(outside.value(), "broken");
    const auto again = co_await weft::outcome_of(weft::wait_for(handle, 0ms));
    CHECK_THROWS_WITH(again.value(), "broken");
  });
}

// ---- cancelled, wrong uses, destroyed ----

TEST_CASE("cancelling a wait_for cancels what it waits for", "[time][wait_for]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto handle = weft::create_task(slow_to_end(log, 2ms));
    const auto body = [&]() -> weft::task<> { co_await weft::wait_for(handle, 1h); };
    auto waiting = weft::create_task(body());
    co_await weft::yield();
    co_await weft::yield();
    waiting.cancel();
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK(outcome.cancelled());
    CHECK(handle.cancelled());
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
  CHECK(log.text() == "cancelled ended");
}

TEST_CASE("a wait_for whose limit was over can be cancelled while the task ends, which goes on alone",
          "[time][wait_for]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto handle = weft::create_task(slow_to_end(log, 5ms));
    co_await weft::yield();
    const auto body = [&]() -> weft::task<> { co_await weft::wait_for(handle, 0ms); };
    auto waiting = weft::create_task(body());
    co_await weft::sleep_for(2ms);
    waiting.cancel();
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK(outcome.cancelled());
    CHECK(now_ms() == 2);
    CHECK_FALSE(handle.done());
    const auto ended = co_await weft::outcome_of(handle);
    CHECK(ended.cancelled());
  });
  CHECK(log.text() == "cancelled ended");
}

TEST_CASE("wait_for refuses a limit that is not a number or too long, and an empty task or handle",
          "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    const std::chrono::duration<double> nan(std::nan(""));
    CHECK_THROWS_AS(weft::wait_for(gives(1), nan), std::invalid_argument);
    CHECK_THROWS_AS(weft::wait_for(gives(1), std::chrono::hours::max()), std::invalid_argument);
    for (const auto limit : {0ms, 1ms}) {
      const auto task = co_await weft::outcome_of(weft::wait_for(weft::task<>(), limit));
      CHECK_THROWS_AS(task.value(), weft::invalid_state_error);
      const auto handle = co_await weft::outcome_of(weft::wait_for(weft::task_handle<int>(), limit));
      CHECK_THROWS_AS(handle.value(), weft::invalid_state_error);
    }
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

TEST_CASE("wait_for refuses a running task of another loop", "[time][wait_for]") {
  weft_test::loop_on_virtual_time other;
  auto pending = other.loop.create_task(gives(1, 1ms));
  run_on_virtual_time([&]() -> weft::task<> {
    for (const auto limit : {0ms, 1ms}) {
      INFO(limit.count());
      const auto refused = co_await weft::outcome_of(weft::wait_for(pending, limit));
      CHECK_THROWS_AS(refused.value(), weft::usage_error);
    }
    CHECK(pending.cancelling() == 0);
  });
  CHECK(other.loop.run_until_complete(pending) == 1);
}

TEST_CASE("wait_for refuses the task that waits", "[time][wait_for]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::task_handle<> self;
    weft::outcome<> in_time;
    const auto body = [&]() -> weft::task<> { in_time = co_await weft::outcome_of(weft::wait_for(self, 1ms)); };
    self = weft::create_task(body());
    co_await self;
    CHECK_THROWS_AS(in_time.value(), weft::usage_error);
  });
}

TEST_CASE("a loop may go in any pass around a wait_for", "[time][wait_for]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    const auto stubborn = [&](tracked) -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
      }
      co_await weft::sleep_for(1h);
    };
    const auto body = [&](tracked t, std::chrono::milliseconds limit) -> weft::task<> {
      auto handle = weft::create_task(stubborn(t));
      co_await weft::yield();
      co_await weft::wait_for(handle, limit);
    };
    const auto inside = [&](tracked t) -> weft::task<> { co_await weft::wait_for(stubborn(t), 1ms); };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      on.loop.create_task(body(tracked(counts), 0ms));
      on.loop.create_task(body(tracked(counts), 1h));
      on.loop.create_task(inside(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
      if (passes == 5) on.time.advance(1ms);
      weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
  }
}

TEST_CASE("a deadlock report says what a wait_for waits for", "[time][wait_for]") {
  weft::event never;
  const auto waits = [&]() -> weft::task<> { co_await never.wait(); };
  const auto body = [&]() -> weft::task<> {
    auto handle = weft::create_task(waits(), "stuck");
    co_await weft::wait_for(handle, std::nullopt);
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for task 'stuck'"));
}

TEST_CASE("a deadlock report says that a wait_for whose limit is over waits for the end of a task",
          "[time][wait_for]") {
  weft::event never;
  weft_test::reports told;
  const auto stubborn = [&]() -> weft::task<> {
    for (int i = 0; i < 2; ++i) {
      try {
        co_await never.wait();
      } catch (const weft::cancelled_error&) {
      }
    }
  };
  const auto body = [&]() -> weft::task<> {
    auto handle = weft::create_task(stubborn(), "stubborn");
    co_await weft::yield();
    co_await weft::wait_for(handle, 0ms);
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for task 'stubborn', cancelled, to end"));
}

}  // namespace time_wait_for_test
