// Tests of weft/flow/wait.hpp: when it returns, what it says is done, and that it leaves the tasks alone.
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
#include <weft/flow/wait.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace flow_wait_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<int> gives(int value, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  co_return value;
}
weft::task<int> fails(std::chrono::milliseconds after) {
  co_await weft::sleep_for(after);
  throw std::runtime_error("broken");
}

using handles = std::vector<weft::task_handle<int>>;

// What the tasks gave, in order.
std::vector<int> results(const handles& tasks) {
  std::vector<int> all;
  for (const auto& t : tasks) all.push_back(t.result());
  return all;
}
handles start(const std::vector<std::chrono::milliseconds>& times) {
  handles all;
  for (const auto time : times) all.push_back(weft::create_task(gives(static_cast<int>(time.count()), time)));
  return all;
}

// ---- when it returns ----

TEST_CASE("wait returns when all tasks have ended, and gives them in argument order", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks = start({3ms, 1ms, 2ms});
    const auto [done, pending] = co_await weft::wait(tasks);
    CHECK(results(done) == std::vector<int>({3, 1, 2}));
    CHECK(pending.empty());
    CHECK(now_ms() == 3);
  });
}

TEST_CASE("wait for the first one says which are pending, and leaves them running", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks = start({3ms, 1ms, 2ms});
    const auto [done, pending] = co_await weft::wait(tasks, weft::first_completed);
    CHECK(results(done) == std::vector<int>({1}));
    CHECK(pending == handles({tasks[0], tasks[2]}));
    const auto rest = co_await weft::wait(pending);
    CHECK(results(rest.done) == std::vector<int>({3, 2}));
    CHECK(now_ms() == 3);
  });
}

TEST_CASE("wait for the first exception passes over those that end well or are cancelled", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    handles tasks = start({1ms, 1h, 1h});
    tasks.push_back(weft::create_task(fails(2ms)));
    co_await weft::yield();
    tasks[1].cancel();
    const auto [done, pending] = co_await weft::wait(tasks, weft::first_exception);
    CHECK(done == handles({tasks[0], tasks[1], tasks[3]}));
    CHECK(pending == handles({tasks[2]}));
    CHECK(now_ms() == 2);
    CHECK(tasks[3].exception() != nullptr);
  });
}

TEST_CASE("wait with a limit returns when that is over, and neither throws nor cancels", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks = start({1ms, 1h});
    const auto [done, pending] = co_await weft::wait(tasks, weft::all_completed, 10ms);
    CHECK(results(done) == std::vector<int>({1}));
    CHECK(pending.size() == 1);
    CHECK(pending[0].cancelling() == 0);
    CHECK(now_ms() == 10);
    const auto at_once = co_await weft::wait(pending, weft::all_completed, 0ms);
    CHECK(at_once.done.empty());
    CHECK(now_ms() == 10);
    const auto in_time = co_await weft::wait(pending, weft::all_completed, 2h);
    CHECK(in_time.pending.empty());
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

TEST_CASE("wait for tasks that are done takes a pass or two, as in asyncio", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks = start({0ms, 0ms});
    co_await weft::yield();
    weft_test::pass_counter counter;
    static_cast<void>(co_await weft::wait(tasks));
    CHECK(counter.passes() == 2);
  });
}

// ---- forms ----

TEST_CASE("wait takes any range of handles: of tasks that return other things, too", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto nothing = []() -> weft::task<> { co_return; };
    const std::array<weft::task_ref, 2> mixed = {weft::create_task(nothing()), weft::create_task(gives(1))};
    const auto both = co_await weft::wait(mixed);
    CHECK(both.done.size() == 2);
    const std::list<weft::task_handle<int>> list(2, weft::create_task(gives(1)));
    const auto once = co_await weft::wait(list);
    CHECK(once.done.size() == 1);
    const auto view = std::views::iota(1, 4) | std::views::transform([](int n) { return weft::create_task(gives(n)); });
    const auto made = co_await weft::wait(view);
    CHECK(results(made.done) == std::vector<int>({1, 2, 3}));
  });
}

TEST_CASE("a task that is given to wait twice counts once", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto t = weft::create_task(gives(1, 1ms));
    const handles twice = {t, t};
    const auto [done, pending] = co_await weft::wait(twice);
    CHECK(done == handles({t}));
    CHECK(pending.empty());
  });
}

TEST_CASE("what wait gives keeps tasks whose results only move", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = []() -> weft::task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    const std::vector<weft::task_handle<std::unique_ptr<int>>> tasks(1, weft::create_task(body()));
    auto ended = co_await weft::wait(tasks);
    const auto owner = std::move(ended.done.front()).result();
    CHECK(*owner == 3);
  });
}

// ---- wrong uses ----

TEST_CASE("wait for nothing, or with an impossible limit, is refused", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    CHECK_THROWS_AS(weft::wait(handles()), std::invalid_argument);
    const handles tasks = start({5ms});
    const std::chrono::duration<double> nan(std::nan(""));
    CHECK_THROWS_AS(weft::wait(tasks, weft::all_completed, nan), std::invalid_argument);
    co_await weft::sleep_for(1ms);
    const auto beyond = co_await weft::outcome_of(weft::wait(tasks, weft::all_completed, weft::duration::max()));
    CHECK_THROWS_AS(beyond.value(), std::invalid_argument);
    const auto good = co_await weft::wait(tasks);
    CHECK(good.done.size() == 1);
  });
}

TEST_CASE("wait for an empty handle is refused", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    handles tasks = start({1ms});
    tasks.emplace_back();
    CHECK_THROWS_AS(weft::wait(tasks), weft::invalid_state_error);
    co_await weft::yield();
  });
}

TEST_CASE("wait for a running task of another loop is refused, and nobody is watched", "[flow][wait]") {
  weft_test::loop_on_virtual_time other;
  handles tasks(1, other.loop.create_task(gives(1, 1ms)));
  run_on_virtual_time([&]() -> weft::task<> {
    tasks.push_back(weft::create_task(gives(2)));
    const auto refused = co_await weft::outcome_of(weft::wait(tasks));
    CHECK_THROWS_WITH(refused.value(), contains("another loop"));
    const auto own = co_await weft::outcome_of(tasks[1]);
    CHECK(own.has_value());
  });
  CHECK(other.loop.run_until_complete(tasks[0]) == 1);
}

TEST_CASE("wait for a task that has ended on another loop is over as for any other", "[flow][wait]") {
  auto other = std::make_unique<weft_test::loop_on_virtual_time>();
  const handles tasks(1, other->loop.create_task(gives(1)));
  other->loop.run_until_complete(tasks[0]);
  const bool gone = GENERATE(false, true);
  if (gone) other.reset();
  run_on_virtual_time([&]() -> weft::task<> {
    const auto ended = co_await weft::wait(tasks);
    CHECK(results(ended.done) == std::vector<int>({1}));
  });
}

// ---- cancelled, destroyed, stuck ----

TEST_CASE("a wait that is cancelled leaves its tasks running, and nothing watches them any more", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks = start({5ms, 6ms});
    const auto body = [&]() -> weft::task<> { static_cast<void>(co_await weft::wait(tasks, weft::all_completed, 1h)); };
    auto waiting = weft::create_task(body());
    co_await weft::sleep_for(1ms);
    waiting.cancel();
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK(outcome.cancelled());
    CHECK(now_ms() == 1);
    CHECK(weft::event_loop::current().armed_timers() == 2);
    const auto ended = co_await weft::wait(tasks);
    CHECK(results(ended.done) == std::vector<int>({5, 6}));
  });
}

TEST_CASE("a wait that is cancelled in the pass in which it would return is cancelled", "[flow][wait]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event go;
    const auto body = [&]() -> weft::task<int> {
      co_await go.wait();
      co_return 1;
    };
    const handles tasks(1, weft::create_task(body()));
    const auto waits = [&]() -> weft::task<> { static_cast<void>(co_await weft::wait(tasks)); };
    auto waiting = weft::create_task(waits());
    co_await weft::yield();
    co_await weft::yield();
    go.set();
    co_await weft::yield();
    co_await weft::yield();
    CHECK_FALSE(waiting.done());
    waiting.cancel();
    co_await weft::yield();
    CHECK(waiting.cancelled());
    CHECK(tasks[0].result() == 1);
  });
}

TEST_CASE("exceptions of tasks that wait gave are reported if nobody looks at them", "[flow][wait]") {
  weft_test::reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    handles tasks(1, weft::create_task(fails(1ms)));
    static_cast<void>(co_await weft::wait(tasks));
    CHECK(told.count() == 0);
    tasks.clear();
  });
  CHECK(told.count() == 1);
}

TEST_CASE("a loop may go in any pass around a wait", "[flow][wait]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    const auto child = [](tracked, int n) -> weft::task<int> {
      for (int i = 0; i < n; ++i) co_await weft::yield();
      co_return n;
    };
    const auto body = [&](tracked t) -> weft::task<> {
      handles tasks;
      for (int n = 1; n < 4; ++n) tasks.push_back(weft::create_task(child(t, n)));
      static_cast<void>(co_await weft::wait(tasks, weft::all_completed, 1h));
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

TEST_CASE("a deadlock report says for how many tasks a task waits", "[flow][wait]") {
  weft::event never;
  const auto child = [&]() -> weft::task<int> {
    co_await never.wait();
    co_return 1;
  };
  const auto body = [&]() -> weft::task<> {
    handles tasks;
    for (int i = 0; i < 2; ++i) tasks.push_back(weft::create_task(child()));
    static_cast<void>(co_await weft::wait(tasks));
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for some of 2 tasks"));
}

}  // namespace flow_wait_test
