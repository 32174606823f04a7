// What CPython's test_tasks states about asyncio.gather(), on weft.
// SPDX-License-Identifier: MIT
//
// asyncio's tests gather futures that they set. Here these are tasks that are running already, each of which ends as
// the test says: gather treats those exactly as asyncio does, and leaves them alone when one of them has failed.
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio_tasks_gather_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

const std::runtime_error zero_division("zero division");
const std::runtime_error late_error("late");

weft::task<int> waits_for(weft::future<int> what) { co_return co_await what; }

// Children that end as the test says, and a task that gathers them.
struct gathered {
  loop_on_virtual_time on;
  reports told;
  std::vector<weft::future<int>> ends;
  std::vector<weft::task_handle<int>> children;
  std::vector<int> values;
  std::vector<weft::outcome<int>> outcomes;
  weft::task_handle<> parent;

  gathered(std::size_t count, bool with_outcomes) {
    told.listen(on.loop);
    for (std::size_t i = 0; i < count; ++i) {
      ends.emplace_back(on.loop);
      children.push_back(on.loop.create_task(waits_for(ends[i])));
    }
    parent = on.loop.create_task(with_outcomes ? gather_outcomes() : gather());
    run_until_idle(on.loop);
  }
  weft::task<> gather() { values = co_await weft::gather(children); }
  weft::task<> gather_outcomes() { outcomes = co_await weft::gather_outcomes(children); }
};

// CPython: tasks GatherTestsBase.test_success
TEST_CASE("gather waits for all and gives the results in the order of its arguments", "[asyncio][tasks]") {
  gathered g(3, false);
  g.ends[1].set_result(1);
  g.ends[0].set_result(2);
  run_until_idle(g.on.loop);
  CHECK_FALSE(g.parent.done());
  g.ends[2].set_result(3);
  run_until_idle(g.on.loop);
  CHECK(g.parent.done());
  CHECK(g.values == std::vector<int>{2, 1, 3});
}

// CPython: tasks GatherTestsBase.test_result_exception_success
TEST_CASE("gather_outcomes without failures waits for all and gives their values", "[asyncio][tasks]") {
  gathered g(3, true);
  g.ends[1].set_result(1);
  g.ends[0].set_result(2);
  run_until_idle(g.on.loop);
  CHECK_FALSE(g.parent.done());
  g.ends[2].set_result(3);
  run_until_idle(g.on.loop);
  REQUIRE(g.outcomes.size() == 3);
  CHECK(*g.outcomes[0] == 2);
  CHECK(*g.outcomes[1] == 1);
  CHECK(*g.outcomes[2] == 3);
}

// CPython: tasks GatherTestsBase.test_one_exception
TEST_CASE("gather throws the first exception at once and leaves the running tasks to themselves", "[asyncio][tasks]") {
  gathered g(5, false);
  g.ends[0].set_result(1);
  g.ends[1].set_exception(zero_division);
  CHECK_THROWS_WITH(g.on.loop.run_until_complete(g.parent), "zero division");
  for (std::size_t i : {2u, 3u, 4u}) CHECK(g.children[i].cancelling() == 0);
  g.ends[2].set_result(3);
  g.ends[3].cancel();
  g.ends[4].set_exception(late_error);
  run_until_idle(g.on.loop);
  CHECK(g.children[2].result() == 3);
  CHECK(g.told.count() == 0);  // the late error counts as looked at
}

// CPython: tasks GatherTestsBase.test_one_exception
TEST_CASE("gather leaves a future alone when another one has failed", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<int> failing(on.loop);
  const weft::future<int> other(on.loop);
  auto body = [&]() -> weft::task<> { co_await weft::gather(failing, other); };
  auto parent = on.loop.create_task(body);
  run_one_pass(on.loop);
  failing.set_exception(zero_division);
  CHECK_THROWS_WITH(on.loop.run_until_complete(parent), "zero division");
  CHECK_FALSE(other.done());
}

// CPython: tasks GatherTestsBase.test_return_exceptions
TEST_CASE("gather_outcomes waits for all, whoever fails", "[asyncio][tasks]") {
  gathered g(4, true);
  g.ends[1].set_result(1);
  g.ends[2].set_exception(zero_division);
  g.ends[0].set_result(3);
  run_until_idle(g.on.loop);
  CHECK_FALSE(g.parent.done());
  g.ends[3].set_exception(late_error);
  g.on.loop.run_until_complete(g.parent);
  CHECK(*g.outcomes[0] == 3);
  CHECK(*g.outcomes[1] == 1);
  CHECK_THROWS_WITH(*g.outcomes[2], "zero division");
  CHECK_THROWS_WITH(*g.outcomes[3], "late");
}

// CPython: tasks FutureGatherTests.test_constructor_empty_sequence_use_running_loop
TEST_CASE("a gather of nothing gives nothing, without a pass", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    const pass_counter counter;
    const std::vector<weft::task_handle<int>> none;
    const std::vector<int> values = co_await weft::gather(none);
    CHECK(values.empty());
    co_await weft::gather();
    CHECK(counter.passes() == 0);
  });
}

// CPython: tasks FutureGatherTests.test_one_cancellation
TEST_CASE("gather of a task that was cancelled throws cancelled_error; nobody asked the gatherer to stop",
          "[asyncio][tasks]") {
  gathered g(5, false);
  g.ends[0].set_result(1);
  g.ends[1].cancel();
  CHECK_THROWS_AS(g.on.loop.run_until_complete(g.parent), weft::cancelled_error);
  CHECK(g.parent.cancelling() == 0);
  for (std::size_t i : {2u, 3u, 4u}) CHECK_FALSE(g.children[i].done());
  g.ends[2].set_result(3);
  g.ends[3].cancel();
  g.ends[4].set_exception(late_error);
  run_until_idle(g.on.loop);
  CHECK(g.told.count() == 0);
}

// CPython: tasks FutureGatherTests.test_result_exception_one_cancellation
TEST_CASE("in gather_outcomes a cancelled task is an outcome like any other", "[asyncio][tasks]") {
  gathered g(6, true);
  g.ends[0].set_result(1);
  g.ends[1].set_exception(zero_division);
  g.ends[2].cancel();
  run_until_idle(g.on.loop);
  CHECK_FALSE(g.parent.done());
  g.ends[3].set_result(3);
  g.ends[4].cancel();
  g.ends[5].set_exception(late_error);
  g.on.loop.run_until_complete(g.parent);
  CHECK(*g.outcomes[0] == 1);
  CHECK_THROWS_WITH(*g.outcomes[1], "zero division");
  CHECK(g.outcomes[2].cancelled());
  CHECK(*g.outcomes[3] == 3);
  CHECK(g.outcomes[4].cancelled());
  CHECK_THROWS_WITH(*g.outcomes[5], "late");
}

// Asked of CPython 3.13 itself: what its tests leave open.
TEST_CASE("a future is gathered without a pass of its own", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    pass_counter counter;
    weft::future<int> f;
    // Two passes from now.
    weft::event_loop::current().call_soon([f] { weft::event_loop::current().call_soon([f] { f.set_result(1); }); });
    co_await weft::gather(f);
    CHECK(counter.passes() == 4);
    counter.restart();
    co_await weft::gather(f, weft::gather(f));
    CHECK(counter.passes() == 0);
  });
}

// CPython: tasks CoroutineGatherTests.test_duplicate_coroutines
TEST_CASE("a task that is gathered several times runs once and gives its result in each place", "[asyncio][tasks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto say = [&](std::string word) -> weft::task<std::string> {
      log(word);
      co_return word;
    };
    auto abc = weft::create_task(say, std::string("abc"));
    auto def = weft::create_task(say, std::string("def"));
    const std::vector<weft::task_handle<std::string>> all{abc, abc, def, abc};
    const std::vector<std::string> words = co_await weft::gather(all);
    CHECK(words == std::vector<std::string>{"abc", "abc", "def", "abc"});
  });
  CHECK(log.text() == "abc def");
}

// CPython: tasks CoroutineGatherTests.test_cancellation_broadcast
TEST_CASE("cancelling the one that gathers cancels all children, and what they wait for", "[asyncio][tasks]") {
  gathered g(2, false);
  CHECK(g.parent.cancel());
  CHECK(g.ends[0].cancelled());
  CHECK(g.ends[1].cancelled());
  CHECK_THROWS_AS(g.on.loop.run_until_complete(g.parent), weft::cancelled_error);
  CHECK(g.children[0].cancelled());
  CHECK(g.children[1].cancelled());
  CHECK_FALSE(g.parent.cancel());
}

// CPython: tasks CoroutineGatherTests.test_exception_marking
TEST_CASE("an exception after the first one counts as looked at by the gather", "[asyncio][tasks]") {
  gathered g(2, false);
  g.ends[0].set_exception(zero_division);
  run_until_idle(g.on.loop);
  g.ends[1].set_exception(late_error);
  run_until_idle(g.on.loop);
  CHECK(g.parent.exception() != nullptr);
  CHECK_THROWS_WITH(g.on.loop.run_until_complete(g.parent), "zero division");
  CHECK(g.children[1].exception_retrieved());
}

// CPython: tasks BaseTaskTests.test_cancel_gather_1
TEST_CASE("a cancel between the end of the last child and the end of the gather reaches no child", "[asyncio][tasks]") {
  gathered g(1, false);
  bool cancelled = false;
  g.ends[0].add_done_callback([&](const weft::future<int>&) {  // the child has been woken just before
    CHECK(g.children[0].done());
    CHECK_FALSE(g.parent.done());
    cancelled = g.parent.cancel();
  });
  g.ends[0].set_result(42);
  CHECK_THROWS_AS(g.on.loop.run_until_complete(g.parent), weft::cancelled_error);
  CHECK(cancelled);  // the task that gathers is one that can be cancelled, in asyncio, too
  CHECK(g.children[0].cancelling() == 0);
  CHECK(g.children[0].result() == 42);
}

// CPython: tasks BaseTaskTests.test_cancel_gather_2
TEST_CASE("a gather_outcomes that is cancelled does not take that for an outcome", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    int rounds = 0;
    auto body = [&]() -> weft::task<> {
      for (; rounds < 20; ++rounds) co_await weft::gather_outcomes(weft::sleep_for(50ms));
    };
    auto task = weft::create_task(body);
    co_await weft::sleep_for(175ms);
    task.cancel();
    bool cancelled = false;
    try {
      co_await task;
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
    CHECK(cancelled);
    CHECK(rounds == 3);
    CHECK(now_ms() == 175);
  });
}

}  // namespace asyncio_tasks_gather_test
