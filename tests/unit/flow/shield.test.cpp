// Tests of weft/flow/shield.hpp: what runs on when the one that waits is cancelled, and who gets the result.
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
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/shield.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace flow_shield_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

template <class T>
weft::task<T> gives(T value, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  co_return value;
}
weft::task<> saves(event_log& log, std::chrono::milliseconds time) {
  try {
    co_await weft::sleep_for(time);
    log("saved");
  } catch (const weft::cancelled_error&) {
    log("cancelled");
    throw;
  }
}
weft::task<> fails_after(std::chrono::milliseconds time) {
  co_await weft::sleep_for(time);
  throw std::runtime_error("broken");
}

// ---- forms and results ----

TEST_CASE("shield takes a task, a function, a handle or an operation, and gives the result", "[flow][shield]") {
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(4);
    auto handle = weft::create_task(gives(3, 1ms));
    const int task = co_await weft::shield(gives(1));
    const int function = co_await weft::shield([] { return gives(2, 1ms); });
    const int running = co_await weft::shield(handle);
    const int operation = co_await weft::shield(q.get());
    CHECK(task + 10 * function + 100 * running + 1000 * operation == 4321);
  });
}

TEST_CASE("shield gives nothing, references and what only moves; the result of a handle is copied if it can be",
          "[flow][shield]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    int& got = co_await weft::shield(refers());
    got = 2;
    auto nothing = weft::shield(weft::create_task([]() -> weft::task<> { co_return; }));
    co_await std::move(nothing);
    const auto owner = co_await weft::shield(gives(std::make_unique<int>(3)));
    CHECK(*owner == 3);
    auto handle = weft::create_task(gives(std::string("a string that is too long for the small buffer")));
    const std::string copy = co_await weft::shield(handle);
    CHECK(copy == handle.result());
  });
  CHECK(target == 2);
}

TEST_CASE("a shielded task ends two passes before the one that waits goes on; one that is done takes none",
          "[flow][shield]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto handle = weft::create_task(gives(1));
    weft_test::pass_counter counter;
    static_cast<void>(co_await weft::shield(handle));
    CHECK(counter.passes() == 2);
    counter.restart();
    static_cast<void>(co_await weft::shield(handle));
    CHECK(counter.passes() == 0);
  });
}

TEST_CASE("a shield that is not awaited starts nothing, and may move before it is awaited", "[flow][shield]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    { auto never = weft::shield(saves(log, 0ms)); }
    co_await weft::yield();
    CHECK(weft::all_tasks().size() == 1);
    auto first = weft::shield(saves(log, 0ms));
    auto moved = std::move(first);
    co_await std::move(moved);
  });
  CHECK(log.text() == "saved");
}

// ---- cancelled ----

TEST_CASE("when the one that waits is cancelled, a shielded task runs on", "[flow][shield]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> { co_await weft::shield(saves(log, 5ms)); };
    auto waiting = weft::create_task(body());
    co_await weft::sleep_for(1ms);
    waiting.cancel();
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK(outcome.cancelled());
    CHECK(weft_test::now_ms() == 1);
    co_await weft::sleep_for(10ms);
  });
  CHECK(log.text() == "saved");
}

TEST_CASE("a future can be shielded from the cancellation of one that waits for it", "[flow][shield]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::future<int> f;
    const auto body = [&]() -> weft::task<> { static_cast<void>(co_await weft::shield(f)); };
    auto waiting = weft::create_task(body());
    co_await weft::yield();
    waiting.cancel();
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK(outcome.cancelled());
    CHECK_FALSE(f.done());
    f.set_result(1);
    const int n = co_await weft::shield(f);
    CHECK(n == 1);
  });
}

TEST_CASE("a shielded task that is cancelled itself cancels the one that waits, without a request", "[flow][shield]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto inner = weft::create_task(saves(log, 1h));
    const auto body = [&]() -> weft::task<> { co_await weft::shield(inner); };
    auto waiting = weft::create_task(body());
    co_await weft::yield();
    co_await weft::yield();
    inner.cancel();
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK(outcome.cancelled());
    CHECK(waiting.cancelling() == 0);
  });
  CHECK(log.text() == "cancelled");
}

TEST_CASE("a task that is cancelled in the pass in which its shielded task ends is cancelled", "[flow][shield]") {
  for (int passes = 0; passes < 3; ++passes) {
    INFO(passes);
    event_log log;
    run_on_virtual_time([&]() -> weft::task<> {
      weft::event go;
      const auto inner = [&]() -> weft::task<> { co_await go.wait(); };
      auto shielded = weft::create_task(inner());
      const auto body = [&]() -> weft::task<> { co_await weft::shield(shielded); };
      auto waiting = weft::create_task(body());
      co_await weft::yield();
      co_await weft::yield();
      go.set();
      for (int i = 0; i < passes; ++i) co_await weft::yield();
      CHECK(waiting.cancel());
      const auto outcome = co_await weft::outcome_of(waiting);
      CHECK(outcome.cancelled());
      CHECK_FALSE(shielded.cancelled());
    });
  }
}

TEST_CASE("the exception of a shielded task passes; after the one that waits has gone it is reported",
          "[flow][shield]") {
  weft_test::reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    const auto waited_for = co_await weft::outcome_of(weft::shield(fails_after(1ms)));
    CHECK_THROWS_WITH(waited_for.value(), "broken");
    CHECK(told.count() == 0);
    const auto body = []() -> weft::task<> { co_await weft::shield(fails_after(5ms)); };
    auto waiting = weft::create_task(body());
    co_await weft::yield();
    waiting.cancel();
    co_await weft::sleep_for(10ms);
    CHECK(told.count() == 1);
  });
  CHECK_THAT(told.text(), contains("broken"));
}

// ---- wrong uses, destroyed, stuck ----

TEST_CASE("an empty task or handle, the task itself and one of another loop cannot be shielded", "[flow][shield]") {
  weft_test::loop_on_virtual_time other;
  auto pending = other.loop.create_task(gives(1));
  run_on_virtual_time([&]() -> weft::task<> {
    const auto task = co_await weft::outcome_of(weft::shield(weft::task<>()));
    CHECK_THROWS_AS(task.value(), weft::invalid_state_error);
    const auto handle = co_await weft::outcome_of(weft::shield(weft::task_handle<int>()));
    CHECK_THROWS_AS(handle.value(), weft::invalid_state_error);
    const auto foreign = co_await weft::outcome_of(weft::shield(pending));
    CHECK_THROWS_WITH(foreign.value(), contains("another loop"));
    weft::task_handle<> self;
    const auto body = [&]() -> weft::task<> { co_await weft::shield(self); };
    self = weft::create_task(body());
    const auto itself = co_await weft::outcome_of(self);
    CHECK_THROWS_AS(itself.value(), weft::usage_error);
  });
  CHECK(other.loop.run_until_complete(pending) == 1);
  run_on_virtual_time([&]() -> weft::task<> {
    const int n = co_await weft::shield(pending);  // it is done
    CHECK(n == 1);
  });
}

TEST_CASE("a shield that was awaited before is refused", "[flow][shield]") {
  int refusals = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    auto sleeps = []() -> weft::task<> { co_await weft::sleep_for(1ms); };
    auto once = weft::shield(sleeps());
    for (int i = 0; i < 3; ++i) {
      try {
        co_await std::move(once);
        CHECK(i == 0);
      } catch (const weft::invalid_state_error&) {
        ++refusals;
      }
    }
  });
  CHECK(refusals == 2);
}

TEST_CASE("a loop may go in any pass around a shield", "[flow][shield]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    const auto inner = [](tracked) -> weft::task<> {
      for (int i = 0; i < 2; ++i) co_await weft::yield();
    };
    const auto body = [&](tracked t) -> weft::task<> {
      auto older = weft::create_task(inner(t));
      co_await weft::shield(older);
      co_await weft::shield(inner(t));
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      auto t = on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
      if (passes % 2 == 1) t.cancel();
    }
    CHECK(counts.alive == 0);
  }
}

TEST_CASE("a deadlock report says which shielded task a task waits for", "[flow][shield]") {
  weft::event never;
  const auto waits = [&]() -> weft::task<> { co_await never.wait(); };
  const auto body = [&]() -> weft::task<> {
    auto inner = weft::create_task(waits(), "inner");
    co_await weft::shield(inner);
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for a shielded task 'inner'"));
}

}  // namespace flow_shield_test
