// Tests of weft/flow/finally.hpp: the clean-up runs once, however the body ends, and may wait and fail itself.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/throws_when_moved.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/finally.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace flow_finally_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::throws_when_moved;
using weft_test::tracked;

template <class T>
weft::task<T> gives(T value) {
  co_return value;
}
weft::task<> says(event_log& log, std::string word, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  log(word);
}
weft::task<> fails(std::string what) {
  co_await weft::yield();
  throw std::runtime_error(what);
}

TEST_CASE("the clean-up runs after the body, in the same task and pass, and the body's result is kept",
          "[flow][finally]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    const auto body = [&]() -> weft::task<int> {
      log("body");
      co_return 7;
    };
    const int n = co_await weft::finally(body(), [&] { return says(log, "cleanup"); });
    CHECK(n == 7);
    CHECK(counter.passes() == 0);
  });
  CHECK(log.text() == "body cleanup");
}

TEST_CASE("finally passes references on and what only moves, and what the clean-up returns is dropped",
          "[flow][finally]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto cleanup = [] { return gives(std::string("dropped")); };
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    int& got = co_await weft::finally(refers, cleanup);
    got = 2;
    const auto owner = co_await weft::finally(gives(std::make_unique<int>(3)), cleanup);
    CHECK(*owner == 3);
  });
  CHECK(target == 2);
}

TEST_CASE("the body of a finally may be a task, a function, a handle or an operation", "[flow][finally]") {
  event_log log;
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(3);
    const auto cleanup = [&] { return says(log, "cleanup"); };
    auto handle = weft::create_task(gives(2));
    const int function = co_await weft::finally([] { return gives(1); }, cleanup);
    const int running = co_await weft::finally(handle, cleanup);
    const int operation = co_await weft::finally(q.get(), cleanup);
    CHECK(100 * function + 10 * running + operation == 123);
  });
  CHECK(log.text() == "cleanup cleanup cleanup");
}

TEST_CASE("the clean-up runs when the body throws, and the exception passes after it", "[flow][finally]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&] { return weft::finally(fails("broken"), [&] { return says(log, "cleanup", 1ms); }); };
    const auto outcome = co_await weft::outcome_of(body);
    CHECK_THROWS_WITH(outcome.value(), "broken");
  });
  CHECK(log.text() == "cleanup");
}

TEST_CASE("the clean-up runs when the body's result throws on its way", "[flow][finally]") {
  int failures = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int last = 1;; ++last) {
      event_log log;
      int moves_left = last;
      const auto body = [&]() -> weft::task<throws_when_moved> { co_return throws_when_moved(moves_left); };
      const auto outcome = co_await weft::outcome_of(weft::finally(body, [&] { return says(log, "cleanup"); }));
      CHECK(log.text() == "cleanup");
      if (moves_left > 0) break;
      CHECK_THROWS_WITH(outcome.value(), "moved");
      ++failures;
    }
  });
  CHECK(failures >= 2);
}

TEST_CASE("an exception of the clean-up replaces the body's result and its exception", "[flow][finally]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto cleanup = [] { return fails("cleanup"); };
    const auto good = co_await weft::outcome_of(weft::finally(gives(1), cleanup));
    CHECK_THROWS_WITH(good.value(), "cleanup");
    const auto bad = co_await weft::outcome_of(weft::finally(fails("body"), cleanup));
    CHECK_THROWS_WITH(bad.value(), "cleanup");
    const auto no_task = []() -> weft::task<> {
      if (weft::current_task()) throw std::runtime_error("no clean-up");
      return fails("never");
    };
    const auto none = co_await weft::outcome_of(weft::finally(gives(1), no_task));
    CHECK_THROWS_WITH(none.value(), "no clean-up");
  });
}

TEST_CASE("the clean-up of a cancelled body can wait, and then the task is cancelled", "[flow][finally]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> {
      co_await weft::finally(says(log, "slept", 1h), [&] { return says(log, "cleanup", 5ms); });
      log("never");
    };
    auto t = weft::create_task(body());
    co_await weft::yield();
    t.cancel();
    co_await weft::sleep_for(1ms);
    CHECK_FALSE(t.done());
    const auto outcome = co_await weft::outcome_of(t);
    CHECK(outcome.cancelled());
    CHECK(weft_test::now_ms() == 5);
  });
  CHECK(log.text() == "cleanup");
}

TEST_CASE("a second cancel() cancels the clean-up", "[flow][finally]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&] {
      return weft::finally(says(log, "slept", 1h), [&] { return says(log, "cleaned_up", 5ms); });
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    co_await weft::sleep_for(1ms);
    t.cancel();
    co_await weft::sleep_for(10ms);
    CHECK(t.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("a task that is cancelled before it starts runs neither body nor clean-up", "[flow][finally]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&] { return weft::finally(says(log, "body"), [&] { return says(log, "cleanup"); }); };
    auto t = weft::create_task(body);
    t.cancel();
    co_await weft::yield();
    CHECK(t.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("finallys inside of one another clean up from the inside out", "[flow][finally]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto inner = [&] { return weft::finally(fails("broken"), [&] { return says(log, "inner", 1ms); }); };
    const auto outcome = co_await weft::outcome_of(weft::finally(inner, [&] { return says(log, "outer", 1ms); }));
    CHECK_THROWS_WITH(outcome.value(), "broken");
  });
  CHECK(log.text() == "inner outer");
}

TEST_CASE("an empty body is refused, after the clean-up or before anything", "[flow][finally]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto outcome = co_await weft::outcome_of(weft::finally(weft::task<>(), [&] { return says(log, "cleanup"); }));
    CHECK_THROWS_AS(outcome.value(), weft::invalid_state_error);
    const auto no_cleanup = co_await weft::outcome_of(weft::finally(gives(1), [] { return weft::task<>(); }));
    CHECK_THROWS_AS(no_cleanup.value(), weft::invalid_state_error);
  });
}

TEST_CASE("a named clean-up is copied, lives as long as it runs, and is destroyed once", "[flow][finally]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto cleanup = [kept = tracked(counts), &counts]() -> weft::task<> {
      co_await weft::yield();
      CHECK(counts.alive == 2);
    };
    co_await weft::finally(gives(1), cleanup);
    CHECK(counts.alive == 1);
  });
  CHECK(counts.alive == 0);
}

TEST_CASE("a loop that goes does not run the clean-up, and destroys body and clean-up once", "[flow][finally]") {
  for (int passes = 0; passes < 4; ++passes) {
    INFO(passes);
    event_log log;
    weft_test::census counts;
    weft_test::reports told;
    weft::event never;
    const auto inner = [&](tracked) -> weft::task<> { co_await never.wait(); };
    const auto body = [&](tracked t) -> weft::task<> {
      const auto cleanup = [&, kept = t]() -> weft::task<> {
        log("cleanup");
        co_await never.wait();
      };
      co_await weft::finally(inner(t), cleanup);
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      auto t = on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) {
        weft_test::run_one_pass(on.loop);
        if (i == 1) t.cancel();
      }
    }
    CHECK(counts.alive == 0);
    CHECK(log.text() == (passes == 3 ? "cleanup" : ""));
  }
}

TEST_CASE("a deadlock report says what a clean-up waits for", "[flow][finally]") {
  weft::event never;
  const auto body = [&] {
    const auto cleanup = [&]() -> weft::task<> { co_await never.wait(); };
    return weft::finally(gives(1), cleanup);
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for an event") && contains("finally.test.cpp:"));
}

}  // namespace flow_finally_test
