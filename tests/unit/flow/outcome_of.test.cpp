// Tests of weft/flow/outcome_of.hpp: values, exceptions and cancellations as values, from all that can be waited for.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace flow_outcome_of_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

template <class T>
weft::task<T> gives(T value) {
  co_return value;
}
weft::task<int> fails(std::string what) {
  co_await weft::yield();
  throw std::runtime_error(what);
}

TEST_CASE("outcome_of gives a result as a value, and takes no pass", "[flow][outcome_of]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    const auto n = co_await weft::outcome_of(gives(7));
    CHECK(*n == 7);
    const auto nothing = []() -> weft::task<> { co_return; };
    const auto none = co_await weft::outcome_of(nothing());
    CHECK(none.has_value());
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    const auto reference = co_await weft::outcome_of(refers);
    CHECK(&reference.value() == &target);
    auto owner = co_await weft::outcome_of(gives(std::make_unique<int>(3)));
    const std::unique_ptr<int> taken = std::move(owner).value();
    CHECK(*taken == 3);
    CHECK(counter.passes() == 0);
  });
}

TEST_CASE("outcome_of takes a task, a function, a handle or an operation", "[flow][outcome_of]") {
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(4);
    auto handle = weft::create_task(gives(3));
    const auto task = co_await weft::outcome_of(gives(1));
    const auto function = co_await weft::outcome_of([] { return gives(2); });
    const auto running = co_await weft::outcome_of(handle);
    const auto operation = co_await weft::outcome_of(q.get());
    CHECK(*task + 10 * *function + 100 * *running + 1000 * *operation == 4321);
  });
}

TEST_CASE("outcome_of gives an exception as a value", "[flow][outcome_of]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto broken = co_await weft::outcome_of(fails("broken"));
    CHECK(broken.failed());
    CHECK_FALSE(broken.cancelled());
    CHECK_THROWS_WITH(broken.value(), "broken");
    auto handle = weft::create_task(fails("elsewhere"));
    const auto elsewhere = co_await weft::outcome_of(handle);
    CHECK_THROWS_WITH(elsewhere.value(), "elsewhere");
    CHECK(handle.exception_retrieved());
  });
}

TEST_CASE("a task that is cancelled inside of an outcome_of sees it in the outcome, and may pass it on",
          "[flow][outcome_of]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> {
      const auto slept = co_await weft::outcome_of(weft::sleep_for(1h));
      log(slept.cancelled() ? "cancelled" : "slept");
      CHECK(weft::current_task().cancelling() == 1);
      co_await weft::sleep_for(1ms);  // the next wait is as any other
      log("tidied");
      slept.value();
      log("never");
    };
    auto t = weft::create_task(body());
    co_await weft::yield();
    t.cancel();
    co_await weft::sleep_for(2ms);
    CHECK(t.cancelled());
  });
  CHECK(log.text() == "cancelled tidied");
}

TEST_CASE("a handle whose task was cancelled gives a cancelled outcome, and the one that waits is not cancelled",
          "[flow][outcome_of]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto sleeps = []() -> weft::task<> { co_await weft::sleep_for(1h); };
    auto t = weft::create_task(sleeps());
    co_await weft::yield();
    t.cancel();
    const auto outcome = co_await weft::outcome_of(t);
    CHECK(outcome.cancelled());
    CHECK(weft::current_task().cancelling() == 0);
  });
}

TEST_CASE("the outcome of an empty task or handle is refused, and that of what comes next is not",
          "[flow][outcome_of]") {
  run_on_virtual_time([]() -> weft::task<> {
    bool refused = false;
    try {
      static_cast<void>(co_await weft::outcome_of(weft::task<int>()));
    } catch (const weft::invalid_state_error&) {
      refused = true;
    }
    CHECK(refused);
    const auto body = []() -> weft::task<> { static_cast<void>(co_await weft::outcome_of(weft::task_handle<int>())); };
    const auto handle = co_await weft::outcome_of(body());
    CHECK_THROWS_AS(handle.value(), weft::invalid_state_error);
  });
}

TEST_CASE("an outcome_of that is not awaited runs nothing, and may move before it is awaited", "[flow][outcome_of]") {
  weft_test::census counts;
  const auto body = [](tracked) -> weft::task<int> { co_return 1; };
  run_on_virtual_time([&]() -> weft::task<> {
    { auto never = weft::outcome_of(body(tracked(counts))); }
    CHECK(counts.alive == 0);
    auto first = weft::outcome_of(body(tracked(counts)));
    auto moved = std::move(first);
    const auto n = co_await std::move(moved);
    CHECK(*n == 1);
    CHECK(counts.alive == 0);
  });
}

TEST_CASE("a body's frame is gone when its outcome is there", "[flow][outcome_of]") {
  weft_test::census counts;
  const auto body = [](tracked) -> weft::task<int> {
    throw std::runtime_error("broken");
    co_return 1;
  };
  run_on_virtual_time([&]() -> weft::task<> {
    const auto outcome = co_await weft::outcome_of(body(tracked(counts)));
    CHECK(counts.alive == 0);
    CHECK(outcome.failed());
  });
}

TEST_CASE("a loop may go in any pass around an outcome_of", "[flow][outcome_of]") {
  for (int passes = 0; passes < 4; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    weft::event never;
    const auto inner = [&](tracked) -> weft::task<> {
      co_await weft::yield();
      co_await never.wait();
    };
    const auto body = [&](tracked t) -> weft::task<> { (co_await weft::outcome_of(inner(t))).value(); };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
    CHECK(told.count() == 1);
  }
}

TEST_CASE("a deadlock report says what the body of an outcome_of waits for", "[flow][outcome_of]") {
  weft::event never;
  const auto body = [&]() -> weft::task<> { static_cast<void>(co_await weft::outcome_of(never.wait())); };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for an event") && contains("outcome_of.test.cpp:"));
}

TEST_CASE("the outcome of a task costs no allocation but the task's frame", "[flow][outcome_of]") {
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames
      const std::uint64_t before = weft_test::allocations();
      static_cast<void>(co_await weft::outcome_of(gives(1)));
      allocated = weft_test::allocations() - before;
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

}  // namespace flow_outcome_of_test
