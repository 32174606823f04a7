// Tests of weft/flow/race.hpp: the first to end wins, and nobody of the others is left when the race is over.
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
#include <weft/flow/race.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace flow_race_test {

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
weft::task<> sleeps(std::chrono::milliseconds time) { co_await weft::sleep_for(time); }
weft::task<int> fails(std::string what, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  throw std::runtime_error(what);
}
// Says that it was cancelled, and takes its time to end.
weft::task<int> loser(event_log& log, std::chrono::milliseconds cleanup = 0ms) {
  bool cancelled = false;
  try {
    co_await weft::sleep_for(1h);
  } catch (const weft::cancelled_error&) {
    cancelled = true;
  }
  log(cancelled ? "cancelled" : "slept");
  if (cleanup > 0ms) co_await weft::sleep_for(cleanup);
  log("ended");
  throw weft::cancelled_error();
}

// ---- forms and results ----

TEST_CASE("race gives the first result as a variant, and its place", "[flow][race]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto first = co_await weft::race(gives(1, 2ms), gives(std::string("two"), 1ms), sleeps(3ms));
    static_assert(std::is_same_v<decltype(first), const std::variant<int, std::string, std::monostate>>);
    CHECK(first.index() == 1);
    CHECK(std::get<1>(first) == "two");
    CHECK(now_ms() == 1);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

TEST_CASE("race takes tasks, functions, handles and operations", "[flow][race]") {
  weft::queue<int> jobs;
  weft::event stop;
  run_on_virtual_time([&]() -> weft::task<> {
    jobs.put_nowait(7);
    const auto job = co_await weft::race(jobs.get(), stop.wait());
    CHECK(std::get<0>(job) == 7);
    stop.set();
    const auto stopped = co_await weft::race(jobs.get(), stop.wait(), [] { return gives(1, 1h); });
    CHECK(stopped.index() == 1);
    auto handle = weft::create_task(gives(2, 1ms));
    const auto running = co_await weft::race(handle, weft::sleep_for(5ms));
    CHECK(std::get<0>(running) == 2);
    CHECK(jobs.getters() == 0);
  });
}

TEST_CASE("race gives references as reference_wrapper, and what only moves", "[flow][race]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    const auto reference = co_await weft::race(refers(), sleeps(1ms));
    std::get<0>(reference).get() = 2;
    const auto owner = co_await weft::race(sleeps(5ms), gives(std::make_unique<int>(3), 1ms));
    CHECK(*std::get<1>(owner) == 3);
    auto handle = weft::create_task(gives(std::make_unique<int>(4), 1ms));
    const auto from_handle = co_await weft::race(handle, sleeps(5ms));
    CHECK(*std::get<0>(from_handle) == 4);
  });
  CHECK(target == 2);
}

TEST_CASE("race of a range gives index and value", "[flow][race]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::vector<weft::task<std::unique_ptr<int>>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(gives(std::make_unique<int>(i), std::chrono::milliseconds(5 - i)));
    const auto first = co_await weft::race(std::move(tasks));
    CHECK(first.index == 2);
    CHECK(*first.value == 2);
    const auto view = co_await weft::race(
        std::views::iota(1, 4) | std::views::transform([](int i) { return sleeps(std::chrono::milliseconds(i)); }));
    CHECK(view.index == 0);
    const std::vector<weft::task_handle<int>> handles(2, weft::create_task(gives(9, 1ms)));
    const auto same = co_await weft::race(handles);
    CHECK(same.index == 0);
    CHECK(same.value == 9);
  });
}

TEST_CASE("of racers that end in the same pass the first argument wins; a race of one is possible", "[flow][race]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto first = co_await weft::race(gives(1), gives(2));
    CHECK(first.index() == 0);
    const auto only = co_await weft::race(gives(3));
    CHECK(std::get<0>(only) == 3);
  });
}

TEST_CASE("a race that somebody has won already takes no pass, three with new tasks", "[flow][race]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto done = weft::create_task(gives(1));
    co_await done;
    weft_test::pass_counter counter;
    static_cast<void>(co_await weft::race(done));
    CHECK(counter.passes() == 0);
    static_cast<void>(co_await weft::race(gives(1)));
    CHECK(counter.passes() == 3);
  });
}

// ---- the losers ----

TEST_CASE("the losers are cancelled and waited for before a race returns, given by handle, too", "[flow][race]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto handle = weft::create_task(loser(log, 2ms));
    const auto first = co_await weft::race(loser(log, 5ms), handle, gives(1, 1ms));
    log("over");
    CHECK(std::get<2>(first) == 1);
    CHECK(now_ms() == 6);
    CHECK(handle.cancelled());
    CHECK(weft::all_tasks().size() == 1);
  });
  CHECK(log.text() == "cancelled cancelled ended ended over");
}

TEST_CASE("operations that lose are as if they had not been asked", "[flow][race]") {
  weft::mutex m;
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    auto lock = co_await m.lock();
    const auto first = co_await weft::race(m.lock(), q.get(), weft::sleep_for(1ms));
    CHECK(first.index() == 2);
    CHECK(m.waiters() == 0);
    CHECK(q.getters() == 0);
    lock.unlock();
    CHECK_FALSE(m.locked());
  });
}

TEST_CASE("of operations that need not wait the first argument wins, and the others have not happened",
          "[flow][race]") {
  weft::mutex m;
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(7);
    const auto first = co_await weft::race(weft::sleep_for(1h), m.lock(), q.get(), [] { return gives(1); });
    CHECK(first.index() == 1);
    CHECK(m.locked());
    CHECK(q.size() == 1);
  });
  CHECK_FALSE(m.locked());
}

TEST_CASE("of operations that come true in the same pass one has happened, and the others leave everything",
          "[flow][race]") {
  weft::mutex m;
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    auto lock = co_await m.lock();
    weft::event_loop::current().call_later(1ms, [&] {
      q.put_nowait(7);
      lock.unlock();
    });
    {
      const auto first = co_await weft::race(m.lock(), q.get());
      CHECK(m.locked() == (first.index() == 0));
      CHECK(q.size() == (first.index() == 0 ? 1 : 0));
    }
    CHECK_FALSE(m.locked());
    CHECK(static_cast<bool>(m.try_lock()));  // nobody is on the way
    CHECK(q.getters() == 0);
  });
}

TEST_CASE("a failure may win, a loser that fails is reported", "[flow][race]") {
  weft_test::reports told;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    const auto broken = co_await weft::outcome_of(weft::race(fails("first", 1ms), loser(log)));
    CHECK_THROWS_WITH(broken.value(), "first");
    CHECK(told.count() == 0);
    const auto fails_at_the_end = []() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error("in the end");
      }
    };
    const auto first = co_await weft::race(gives(1), fails_at_the_end());
    CHECK(first.index() == 0);
  });
  CHECK(told.count() == 1);
  CHECK_THAT(told.text(), contains("in the end"));
}

TEST_CASE("a racer that is cancelled from outside wins with cancelled_error", "[flow][race]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto handle = weft::create_task(sleeps(1h));
    weft::event_loop::current().call_later(1ms, [&] { handle.cancel(); });
    const auto outcome = co_await weft::outcome_of(weft::race(handle, loser(log)));
    CHECK(outcome.cancelled());
    CHECK(weft::current_task().cancelling() == 0);
  });
  CHECK(log.text() == "cancelled ended");
}

// ---- cancelled, wrong uses, destroyed, stuck ----

TEST_CASE("a race that is cancelled cancels all and waits for them", "[flow][race]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> { static_cast<void>(co_await weft::race(loser(log, 2ms), loser(log))); };
    auto t = weft::create_task(body());
    co_await weft::sleep_for(1ms);
    t.cancel();
    const auto outcome = co_await weft::outcome_of(t);
    CHECK(outcome.cancelled());
    CHECK(now_ms() == 3);
  });
  CHECK(log.text() == "cancelled cancelled ended ended");
}

TEST_CASE("a race that is cancelled while it waits for the losers throws cancelled_error", "[flow][race]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> { static_cast<void>(co_await weft::race(gives(1), loser(log, 5ms))); };
    auto t = weft::create_task(body());
    co_await weft::sleep_for(1ms);
    t.cancel();
    const auto outcome = co_await weft::outcome_of(t);
    CHECK(outcome.cancelled());
  });
  CHECK(log.text() == "cancelled");
}

TEST_CASE("a race of no tasks, of an empty task, of itself or of another loop's task is refused", "[flow][race]") {
  weft_test::loop_on_virtual_time other;
  event_log log;
  auto pending = other.loop.create_task(gives(1));
  run_on_virtual_time([&]() -> weft::task<> {
    CHECK_THROWS_AS(weft::race(std::vector<weft::task<int>>()), std::invalid_argument);
    const auto empty = co_await weft::outcome_of(weft::race(loser(log), weft::task<int>()));
    CHECK_THROWS_AS(empty.value(), weft::invalid_state_error);
    const auto foreign = co_await weft::outcome_of(weft::race(loser(log), pending));
    CHECK_THROWS_AS(foreign.value(), weft::usage_error);
    weft::task_handle<> self;
    const auto body = [&]() -> weft::task<> { static_cast<void>(co_await weft::race(self, loser(log))); };
    self = weft::create_task(body());
    const auto itself = co_await weft::outcome_of(self);
    CHECK_THROWS_AS(itself.value(), weft::usage_error);
    CHECK(weft::all_tasks().size() == 1);
  });
  CHECK(log.text().empty());
  CHECK(other.loop.run_until_complete(pending) == 1);
}

TEST_CASE("a race that is not awaited starts nothing, and may move before it is awaited", "[flow][race]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    { auto never = weft::race(loser(log), gives(1)); }
    co_await weft::yield();
    auto made = weft::race(gives(1), gives(2, 1ms));
    auto moved = std::move(made);
    const auto first = co_await std::move(moved);
    CHECK(first.index() == 0);
  });
  CHECK(log.text().empty());
}

class cannot_be_copied_out {
 public:
  explicit cannot_be_copied_out(int moves) : moves_(moves) {}
  cannot_be_copied_out(cannot_be_copied_out&& other) : moves_(other.moves_ - 1) {
    if (moves_ < 0) throw std::runtime_error("cannot be moved");
  }

 private:
  int moves_;
};

TEST_CASE("a winner whose result cannot be moved out is a failure, and nothing leaks", "[flow][race]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int moves = 0; moves < 5; ++moves) {
      const auto body = [&]() -> weft::task<cannot_be_copied_out> { co_return cannot_be_copied_out(moves); };
      const auto race = [&]() -> weft::task<> { static_cast<void>(co_await weft::race(body(), sleeps(1h))); };
      const auto outcome = co_await weft::outcome_of(race());
      log(outcome.has_value() ? "value" : "failure");
      CHECK(weft::all_tasks().size() == 1);
    }
  });
  CHECK_THAT(log.text(), contains("failure"));
}

TEST_CASE("a loop may go in any pass around a race", "[flow][race]") {
  for (int passes = 0; passes < 7; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    const auto child = [](tracked, int n) -> weft::task<int> {
      for (int i = 0; i < n; ++i) co_await weft::yield();
      co_return n;
    };
    const auto body = [&](tracked t) -> weft::task<> {
      auto older = weft::create_task(child(t, 7));
      static_cast<void>(co_await weft::race(child(t, 2), older, child(t, 3)));
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

TEST_CASE("a deadlock report says which racers are left", "[flow][race]") {
  weft::event never;
  const auto waits = [&]() -> weft::task<> { co_await never.wait(); };
  const auto body = [&]() -> weft::task<> {
    auto one = weft::create_task(waits(), "one");
    auto two = weft::create_task(waits(), "two");
    static_cast<void>(co_await weft::race(one, two));
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("of 2 tasks, of which these are left: 'one' 'two'"));
}

}  // namespace flow_race_test
