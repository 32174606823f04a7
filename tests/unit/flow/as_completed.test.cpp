// Tests of weft/flow/as_completed.hpp: tasks in the order of their ends, the time limit, and streams that are dropped.
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
#include <weft/flow/as_completed.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace flow_as_completed_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

using handles = std::vector<weft::task_handle<int>>;

weft::task<int> gives(int value, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  co_return value;
}
handles start(const std::vector<std::chrono::milliseconds>& times) {
  handles all;
  for (const auto time : times) all.push_back(weft::create_task(gives(static_cast<int>(time.count()), time)));
  return all;
}
// Takes all that is left, and says what came.
template <class Stream>
weft::task<> take_all(Stream& stream, event_log& log) {
  while (auto next = co_await stream.next()) log(std::to_string(next->result()));
  log("end");
}

TEST_CASE("as_completed gives tasks in the order in which they end, and then nothing", "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto stream = weft::as_completed(start({3ms, 1ms, 2ms}));
    co_await take_all(stream, log);
    weft_test::pass_counter counter;
    const auto after_the_end = co_await stream.next();
    CHECK_FALSE(after_the_end.has_value());
    CHECK(counter.passes() == 0);
    CHECK(now_ms() == 3);
  });
  CHECK(log.text() == "1 2 3 end");
}

TEST_CASE("tasks that are done come first, in argument order", "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const handles tasks = start({5ms, 2ms, 1ms});
    co_await weft::sleep_for(3ms);
    auto stream = weft::as_completed(tasks);
    co_await take_all(stream, log);
  });
  CHECK(log.text() == "2 1 5 end");
}

TEST_CASE("as_completed of nothing is at its end, and a task given twice comes once", "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto none = weft::as_completed(handles(), 1s);
    CHECK(weft::event_loop::current().armed_timers() == 0);
    co_await take_all(none, log);
    auto twice = weft::as_completed(handles(2, weft::create_task(gives(7, 1ms))));
    co_await take_all(twice, log);
  });
  CHECK(log.text() == "end 7 end");
}

TEST_CASE("as_completed takes tasks that return different things, as task_refs", "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto nothing = []() -> weft::task<> { co_await weft::sleep_for(1ms); };
    const std::vector<weft::task_ref> mixed = {weft::create_task(gives(1, 2ms), "two"),
                                               weft::create_task(nothing(), "one")};
    auto stream = weft::as_completed(mixed);
    while (auto next = co_await stream.next()) log(next->name());
  });
  CHECK(log.text() == "one two");
}

TEST_CASE("several tasks may take from one as_completed, each item once", "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto stream = weft::as_completed(start({1ms, 2ms, 3ms}));
    auto other = weft::create_task(take_all(stream, log));
    co_await take_all(stream, log);
    co_await other;
  });
  CHECK(log.text() == "1 2 end 3 end");
}

TEST_CASE("a failure and a cancellation come as items, and are not thrown by next()", "[flow][as_completed]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto fails = []() -> weft::task<int> {
      co_await weft::yield();
      throw std::runtime_error("broken");
    };
    const handles tasks = {weft::create_task(fails()), weft::create_task(gives(1, 1h))};
    auto stream = weft::as_completed(tasks);
    const auto first = co_await stream.next();
    CHECK_THROWS_WITH(first->result(), "broken");
    tasks[1].cancel();
    const auto second = co_await stream.next();
    CHECK(second->cancelled());
  });
}

// ---- the limit ----

TEST_CASE("when the limit is over, next() throws once for each task that is left", "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const handles tasks = start({1ms, 1h, 2h});
    auto stream = weft::as_completed(tasks, 10ms);
    for (int i = 0; i < 3; ++i) {
      const auto next = co_await weft::outcome_of(stream.next());
      log(next.has_value() ? "item" : "timeout");
      if (next.failed()) CHECK_THROWS_AS(next.value(), weft::timeout_error);
    }
    CHECK(now_ms() == 10);
    const auto end = co_await stream.next();
    CHECK_FALSE(end.has_value());
    CHECK(tasks[1].cancelling() == 0);
  });
  CHECK(log.text() == "item timeout timeout");
}

TEST_CASE("as_completed's limit begins when it is made, and its timer goes when all have ended",
          "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto late = weft::as_completed(start({1ms, 20ms}), 10ms);
    auto in_time = weft::as_completed(start({2ms}), 1h);
    co_await weft::sleep_for(15ms);
    co_await take_all(in_time, log);
    const auto item = co_await late.next();  // was there in time
    CHECK(item->result() == 1);
    const auto over = co_await weft::outcome_of(late.next());
    CHECK_THROWS_AS(over.value(), weft::timeout_error);
    CHECK(now_ms() == 15);
    CHECK(weft::event_loop::current().armed_timers() == 1);  // of the task itself
  });
}

// ---- wrong uses ----

TEST_CASE("as_completed refuses an impossible limit, an empty handle and a place outside of a loop",
          "[flow][as_completed]") {
  CHECK_THROWS_AS(weft::as_completed(handles()), weft::usage_error);
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks = start({1ms});
    CHECK_THROWS_AS(weft::as_completed(tasks, std::chrono::duration<double>(std::nan(""))), std::invalid_argument);
    CHECK_THROWS_AS(weft::as_completed(handles(1)), weft::invalid_state_error);
    co_await weft::sleep_for(2ms);
    CHECK_THROWS_AS(weft::as_completed(tasks, weft::duration::max()), std::invalid_argument);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

TEST_CASE("as_completed refuses a running task of another loop", "[flow][as_completed]") {
  weft_test::loop_on_virtual_time other;
  const handles tasks(1, other.loop.create_task(gives(1, 1ms)));
  run_on_virtual_time([&]() -> weft::task<> {
    CHECK_THROWS_AS(weft::as_completed(tasks, 1s), weft::usage_error);
    CHECK(weft::event_loop::current().armed_timers() == 0);
    co_return;
  });
  CHECK(other.loop.run_until_complete(tasks[0]) == 1);
}

TEST_CASE("as_completed gives a task that has ended on another loop", "[flow][as_completed]") {
  auto other = std::make_unique<weft_test::loop_on_virtual_time>();
  const handles tasks(1, other->loop.create_task(gives(1)));
  other->loop.run_until_complete(tasks[0]);
  const bool gone = GENERATE(false, true);
  if (gone) other.reset();
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto stream = weft::as_completed(tasks);
    co_await take_all(stream, log);
  });
  CHECK(log.text() == "1 end");
}

// ---- cancelled, dropped, destroyed, stuck ----

TEST_CASE("a next() that is cancelled leaves the tasks running, and the stream to others", "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto stream = weft::as_completed(start({2ms, 3ms}));
    const auto body = [&]() -> weft::task<> { static_cast<void>(co_await stream.next()); };
    auto waiting = weft::create_task(body());
    co_await weft::sleep_for(1ms);
    waiting.cancel();
    co_await take_all(stream, log);  // one item was given up, as in asyncio
    CHECK(waiting.cancelled());
  });
  CHECK(log.text() == "2 end");
}

TEST_CASE("a next() that is woken and cancelled in the same pass leaves the item to another one",
          "[flow][as_completed]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::event go;
    const auto gated = [&]() -> weft::task<int> {
      co_await go.wait();
      co_return 1;
    };
    auto stream = weft::as_completed(handles{weft::create_task(gated()), weft::create_task(gives(2, 1h))});
    const auto takes = [&](std::string name) -> weft::task<> {
      const auto next = co_await stream.next();
      log(name + std::to_string(next->result()));
    };
    auto a = weft::create_task(takes("a"));
    auto b = weft::create_task(takes("b"));
    co_await weft::yield();
    weft::event_loop::current().call_soon([&] { go.set(); });
    co_await weft::yield();  // the task's end comes in the next pass, the watcher's call in the one after
    co_await weft::yield();
    co_await weft::yield();
    CHECK(a.cancel());
    co_await b;
    CHECK((a.cancelled() || log.text() == "a1 b2"));
  });
}

TEST_CASE("a stream that is dropped forgets its tasks, which run on", "[flow][as_completed]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks = start({5ms, 1ms});
    {
      auto stream = weft::as_completed(tasks, 1h);
      const auto first = co_await stream.next();
      CHECK(first->result() == 1);
    }
    CHECK(weft::event_loop::current().armed_timers() == 1);
    const int n = co_await tasks[0];
    CHECK(n == 5);
  });
}

TEST_CASE("a stream may go before those who wait for its next item, who can then be cancelled",
          "[flow][as_completed]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    run_on_virtual_time([&]() -> weft::task<> {
      using stream_type = weft::completion_stream<weft::task_handle<int>>;
      auto stream = std::make_unique<stream_type>(start({0ms, 0ms, 1h}), std::nullopt);
      const auto takes = [](stream_type& from) -> weft::task<> { static_cast<void>(co_await from.next()); };
      std::vector<weft::task_handle<>> takers;
      for (int i = 0; i < 4; ++i) takers.push_back(weft::create_task(takes(*stream)));
      for (int i = 0; i < passes; ++i) co_await weft::yield();
      for (auto& t : takers) {
        if (passes == 0) t.cancel();  // else they would ask a stream that has gone
      }
      stream.reset();
      for (int i = 0; i < 3; ++i) co_await weft::yield();
      for (auto& t : takers) t.cancel();
      co_await weft::yield();
      for (auto& t : takers) CHECK(t.done());
    });
  }
}

TEST_CASE("a loop may go in any pass around an as_completed", "[flow][as_completed]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    event_log log;
    const auto child = [](tracked, int n) -> weft::task<int> {
      for (int i = 0; i < n; ++i) co_await weft::yield();
      co_return n;
    };
    const auto body = [&](tracked t) -> weft::task<> {
      handles tasks;
      for (int n = 1; n < 4; ++n) tasks.push_back(weft::create_task(child(t, n)));
      auto stream = weft::as_completed(tasks, 1h);
      co_await take_all(stream, log);
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

TEST_CASE("a deadlock report says who waits for the next task to end", "[flow][as_completed]") {
  weft::event never;
  const auto child = [&]() -> weft::task<int> {
    co_await never.wait();
    co_return 1;
  };
  const auto body = [&]() -> weft::task<> {
    auto stream = weft::as_completed(handles(1, weft::create_task(child())));
    static_cast<void>(co_await stream.next());
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for the next task to end"));
}

}  // namespace flow_as_completed_test
