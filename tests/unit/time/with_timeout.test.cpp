// Tests of weft/time/with_timeout.hpp: what ends a body, what its limit may be, and scopes inside of scopes.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/throws_when_moved.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace time_with_timeout_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::throws_when_moved;
using weft_test::tracked;

template <class T>
weft::task<T> gives(T value, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  co_return value;
}
weft::task<> sleeps(std::chrono::milliseconds time) { co_await weft::sleep_for(time); }

// ---- forms and results ----

TEST_CASE("a body that ends in time gives its result, and takes no pass of its own", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft_test::pass_counter counter;
    const int n = co_await weft::with_timeout(10ms, gives(7));
    CHECK(n == 7);
    CHECK(counter.passes() == 0);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

TEST_CASE("a body may give nothing, a reference, or what only moves", "[time][with_timeout]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    co_await weft::with_timeout(10ms, sleeps(1ms));
    int& got = co_await weft::with_timeout(10ms, refers);
    got = 2;
    const auto owner = co_await weft::with_timeout(10ms, gives(std::make_unique<int>(3), 1ms));
    CHECK(*owner == 3);
  });
  CHECK(target == 2);
}

TEST_CASE("a body may be a function, with the scope as argument or without", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    const int n = co_await weft::with_timeout(1s, [] { return gives(1, 1ms); });
    CHECK(n == 1);
    const int m = co_await weft::with_timeout(1s, [](weft::timeout_scope& limit) -> weft::task<int> {
      CHECK(limit.when() == weft::event_loop::current().time() + 1s);
      CHECK_FALSE(limit.expired());
      co_return 2;
    });
    CHECK(m == 2);
  });
}

TEST_CASE("with_timeout takes operations, handles and futures, and cancels what takes too long",
          "[time][with_timeout]") {
  weft::event e;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto never = co_await weft::outcome_of(weft::with_timeout(5ms, e.wait()));
    CHECK_THROWS_AS(never.value(), weft::timeout_error);
    CHECK(e.waiters() == 0);
    auto handle = weft::create_task(gives(3, 1ms));
    const int n = co_await weft::with_timeout(5ms, handle);
    CHECK(n == 3);
    const weft::future<int> f;
    const auto pending = co_await weft::outcome_of(weft::with_timeout(5ms, f));
    CHECK_THROWS_AS(pending.value(), weft::timeout_error);
    CHECK(f.cancelled());
    const auto inside = co_await weft::outcome_of(weft::with_timeout(1h, weft::with_timeout(5ms, sleeps(10ms))));
    CHECK_THROWS_AS(inside.value(), weft::timeout_error);
    CHECK(now_ms() == 16);
  });
}

TEST_CASE("a function given to with_timeout lives as long as its coroutine, and is destroyed once",
          "[time][with_timeout]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [kept = tracked(counts), &counts](weft::timeout_scope&) -> weft::task<int> {
      co_await weft::sleep_for(1ms);
      co_return counts.alive;
    };
    const int alive = co_await weft::with_timeout(1s, body);
    CHECK(alive == 2);
    CHECK(counts.alive == 1);
  });
  CHECK(counts.alive == 0);
}

// ---- the end of the time ----

TEST_CASE("a body that takes too long is cancelled, and timeout_error is thrown", "[time][with_timeout]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        log("cancelled");
        throw;
      }
    };
    const auto outcome = co_await weft::outcome_of(weft::with_timeout(5ms, body));
    CHECK_THROWS_AS(outcome.value(), weft::timeout_error);
    CHECK(now_ms() == 5);
    CHECK(weft::current_task().cancelling() == 0);
  });
  CHECK(log.text() == "cancelled");
}

TEST_CASE("a limit that is not positive is over at the body's first wait, not before", "[time][with_timeout]") {
  for (const auto limit : {0ms, -5ms}) {
    run_on_virtual_time([&]() -> weft::task<> {
      const int n = co_await weft::with_timeout(limit, gives(1));
      CHECK(n == 1);
      const auto outcome = co_await weft::outcome_of(weft::with_timeout(limit, sleeps(1ms)));
      CHECK_THROWS_AS(outcome.value(), weft::timeout_error);
      CHECK(now_ms() == 0);
    });
  }
}

TEST_CASE("std::nullopt is no limit, for a span and for a point in time", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    co_await weft::with_timeout(std::nullopt, sleeps(1h));
    co_await weft::with_timeout_at(std::nullopt, sleeps(1h));
    CHECK(now_ms() == 7'200'000);
  });
}

TEST_CASE("with_timeout_at limits until a point in time, one that is over included", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto start = weft::event_loop::current().time();
    co_await weft::with_timeout_at(start + 10ms, sleeps(5ms));
    const auto late = co_await weft::outcome_of(weft::with_timeout_at(start + 10ms, sleeps(50ms)));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    CHECK(now_ms() == 10);
    const auto over = co_await weft::outcome_of(weft::with_timeout_at(start, sleeps(50ms)));
    CHECK_THROWS_AS(over.value(), weft::timeout_error);
    CHECK(now_ms() == 10);
  });
}

TEST_CASE("a body's result or exception in spite of the limit passes", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto swallows = [](weft::timeout_scope& limit) -> weft::task<bool> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
      }
      co_return limit.expired();
    };
    const bool expired = co_await weft::with_timeout(1ms, swallows);
    CHECK(expired);
    CHECK(weft::current_task().cancelling() == 0);
    const auto replaces = []() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error("replaced");
      }
    };
    const auto outcome = co_await weft::outcome_of(weft::with_timeout(1ms, replaces));
    CHECK_THROWS_WITH(outcome.value(), "replaced");
    CHECK(weft::current_task().cancelling() == 0);
  });
}

TEST_CASE("a body that throws in time leaves no timer behind", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto throws = [](weft::timeout_scope&) -> weft::task<> {
      co_await weft::sleep_for(1ms);
      throw std::runtime_error("broken");
    };
    const auto outcome = co_await weft::outcome_of(weft::with_timeout(5ms, throws));
    CHECK_THROWS_WITH(outcome.value(), "broken");
    CHECK(weft::event_loop::current().armed_timers() == 0);
    co_await weft::sleep_for(10ms);  // nothing comes later
  });
}

TEST_CASE("a result that throws on its way, in spite of the limit, leaves no request to cancel",
          "[time][with_timeout]") {
  int failures = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int last = 1;; ++last) {
      int moves_left = last;
      const auto swallows = [&]() -> weft::task<throws_when_moved> {
        try {
          co_await weft::sleep_for(1h);
        } catch (const weft::cancelled_error&) {
        }
        co_return throws_when_moved(moves_left);
      };
      const auto outcome = co_await weft::outcome_of(weft::with_timeout(1ms, swallows));
      CHECK(weft::current_task().cancelling() == 0);
      if (moves_left > 0) break;
      CHECK_THROWS_WITH(outcome.value(), "moved");
      ++failures;
    }
  });
  CHECK(failures >= 2);
}

// ---- rescheduling ----

TEST_CASE("a limit can be moved, taken away and be over at once", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = [](weft::timeout_scope& limit) -> weft::task<> {
      weft::event_loop& loop = weft::event_loop::current();
      limit.reschedule(loop.time() + 20ms);
      co_await weft::sleep_for(15ms);
      limit.reschedule(std::nullopt);
      CHECK(limit.when() == std::nullopt);
      co_await weft::sleep_for(1h);
      CHECK_FALSE(limit.expired());
      limit.reschedule(loop.time() - 1ms);
      co_await weft::sleep_for(1h);
    };
    const auto outcome = co_await weft::outcome_of(weft::with_timeout(10ms, body));
    CHECK_THROWS_AS(outcome.value(), weft::timeout_error);
    CHECK(now_ms() == 3'600'015);
  });
}

TEST_CASE("a limit that is over, or whose body has not begun, cannot be moved", "[time][with_timeout]") {
  weft::timeout_scope not_begun;
  CHECK_FALSE(not_begun.expired());
  CHECK_THROWS_AS(not_begun.reschedule(std::nullopt), weft::usage_error);
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = [](weft::timeout_scope& limit) -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
      }
      CHECK_THROWS_AS(limit.reschedule(std::nullopt), weft::usage_error);
      CHECK(limit.expired());
    };
    co_await weft::with_timeout(1ms, body);
  });
}

// ---- inside one another, and cancelled from outside ----

TEST_CASE("of two limits around one another the one that is over first counts", "[time][with_timeout]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto inner = [&](std::chrono::milliseconds limit) -> weft::task<> {
      const auto outcome = co_await weft::outcome_of(weft::with_timeout(limit, sleeps(1h)));
      log(outcome.cancelled() ? "cancelled" : "timeout");
      static_cast<void>(outcome.value());
    };
    for (const auto limit : {5ms, 50ms}) {
      const auto outcome = co_await weft::outcome_of(weft::with_timeout(10ms, inner(limit)));
      CHECK_THROWS_AS(outcome.value(), weft::timeout_error);
      CHECK(weft::current_task().cancelling() == 0);
    }
    CHECK(now_ms() == 15);
  });
  CHECK(log.text() == "timeout cancelled");
}

TEST_CASE("a cancellation from outside is no timeout, also in the pass in which the limit is over",
          "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = []() -> weft::task<> { co_await weft::with_timeout(5ms, sleeps(1h)); };
    auto early = weft::create_task(body());
    co_await weft::yield();
    early.cancel();
    const auto outcome = co_await weft::outcome_of(early);
    CHECK(outcome.cancelled());

    auto same_pass = weft::create_task(body());
    co_await weft::yield();
    weft::event_loop::current().call_later(5ms, [&] { same_pass.cancel(); });
    const auto both = co_await weft::outcome_of(same_pass);
    CHECK(both.cancelled());
    CHECK(same_pass.cancelling() == 1);
  });
}

// ---- wrong uses ----

TEST_CASE("a limit that is not a number, or too long, is refused before anything begins", "[time][with_timeout]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> {
      log("ran");
      co_return;
    };
    const std::chrono::duration<double> nan(std::nan(""));
    CHECK_THROWS_AS(weft::with_timeout(nan, body), std::invalid_argument);
    CHECK_THROWS_AS(weft::with_timeout(std::chrono::hours::max(), body), std::invalid_argument);
    co_await weft::sleep_for(1ms);
    const auto beyond = co_await weft::outcome_of(weft::with_timeout(weft::duration::max(), body));
    CHECK_THROWS_AS(beyond.value(), std::invalid_argument);
    CHECK(weft::event_loop::current().armed_timers() == 0);
    CHECK(log.text().empty());
    co_await weft::with_timeout(1ms, body);
  });
}

TEST_CASE("an empty task, or a function that throws, leaves no limit behind", "[time][with_timeout]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto empty = co_await weft::outcome_of(weft::with_timeout(1ms, weft::task<>()));
    CHECK_THROWS_AS(empty.value(), weft::invalid_state_error);
    const auto makes_none = [](weft::timeout_scope&) -> weft::task<> { throw std::runtime_error("no task"); };
    const auto throws = [&]() -> weft::task<> {
      if (now_ms() >= 0) throw std::runtime_error("no task");
      return sleeps(1ms);
    };
    const auto failed = co_await weft::outcome_of(weft::with_timeout(1ms, makes_none));
    CHECK_THROWS_WITH(failed.value(), "no task");
    for (const auto limit : {0ms, 1ms}) {
      const auto thrown = co_await weft::outcome_of(weft::with_timeout(limit, throws));
      CHECK_THROWS_WITH(thrown.value(), "no task");
    }
    CHECK(weft::event_loop::current().armed_timers() == 0);
    co_await weft::sleep_for(5ms);
    CHECK(weft::current_task().cancelling() == 0);
  });
}

TEST_CASE("a with_timeout that is not awaited does nothing, and may move before it is awaited",
          "[time][with_timeout]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> {
      log("ran");
      co_await weft::sleep_for(8ms);
    };
    { auto never = weft::with_timeout(10ms, body); }
    auto first = weft::with_timeout(10ms, body);
    auto moved = std::move(first);
    co_await weft::sleep_for(20ms);  // the time begins with the body
    CHECK(log.text().empty());
    co_await std::move(moved);
  });
  CHECK(log.text() == "ran");
}

// ---- destroyed, stuck, memory ----

TEST_CASE("a loop may go in any pass around a body with a time limit", "[time][with_timeout]") {
  for (int passes = 0; passes < 5; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    weft::event never;
    const auto inner = [&](tracked) -> weft::task<> { co_await never.wait(); };
    const auto body = [&](tracked t, std::chrono::milliseconds limit) -> weft::task<> {
      const auto both = [&]() -> weft::task<> { co_await weft::with_timeout(1h, inner(t)); };
      co_await weft::with_timeout(limit, both);
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      auto unscoped = on.loop.create_task(body(tracked(counts), 0ms));
      on.loop.create_task(body(tracked(counts), 1h));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
      if (unscoped.done()) CHECK(unscoped.exception() != nullptr);
    }
    CHECK(counts.alive == 0);
  }
}

TEST_CASE("a deadlock report says what the body of a time limit waits for", "[time][with_timeout]") {
  weft::event never;
  const auto inner = [&]() -> weft::task<> { co_await never.wait(); };
  const auto body = [&]() -> weft::task<> { co_await weft::with_timeout(std::nullopt, inner()); };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for an event"));
}

TEST_CASE("a limit that is not reached allocates nothing", "[time][with_timeout]") {
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames and the heap of timers
      const std::uint64_t before = weft_test::allocations();
      co_await weft::with_timeout(1h, sleeps(1ms));
      allocated = weft_test::allocations() - before;
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

}  // namespace time_with_timeout_test
