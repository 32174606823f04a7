// What CPython's test_tasks states about asyncio.shield(), on weft.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/shield.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>

#include <stdexcept>
#include <tuple>

namespace asyncio_tasks_shield_test {

using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::pass_counter;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::run_one_pass;

// A task that gives what the test sets, and another one that shields it.
struct shielded {
  loop_on_virtual_time on;
  reports told;
  weft::future<int> result{on.loop};
  weft::task_handle<int> inner =
      on.loop.create_task([](weft::future<int> f) -> weft::task<int> { co_return co_await f; }, result);
  weft::task_handle<int> outer = on.loop.create_task(
      [](weft::task_handle<int> of) -> weft::task<int> { co_return co_await weft::shield(of); }, inner);

  shielded() {
    told.listen(on.loop);
    run_one_pass(on.loop);
  }
};

// CPython: tasks BaseTaskTests.test_shield_result
TEST_CASE("a shield gives the result of what it shields", "[asyncio][tasks]") {
  shielded s;
  s.result.set_result(42);
  CHECK(s.on.loop.run_until_complete(s.outer) == 42);
}

// CPython: tasks BaseTaskTests.test_shield_exception
TEST_CASE("a shield throws the exception of what it shields", "[asyncio][tasks]") {
  shielded s;
  s.result.set_exception(std::runtime_error("expected"));
  CHECK_THROWS_WITH(s.on.loop.run_until_complete(s.outer), "expected");
  CHECK(s.inner.exception() == s.outer.exception());
}

// CPython: tasks BaseTaskTests.test_shield_cancel_inner
TEST_CASE("when the shielded task itself is cancelled, so is the one that waits", "[asyncio][tasks]") {
  shielded s;
  CHECK(s.inner.cancel());
  CHECK_THROWS_AS(s.on.loop.run_until_complete(s.outer), weft::cancelled_error);
  CHECK(s.outer.cancelled());
  CHECK(s.outer.cancelling() == 0);
}

// CPython: tasks BaseTaskTests.test_shield_cancel_outer
TEST_CASE("cancelling a shield ends the waiting in the next pass, and the shielded task goes on", "[asyncio][tasks]") {
  shielded s;
  CHECK(s.outer.cancel());
  run_one_pass(s.on.loop);
  CHECK(s.outer.cancelled());
  CHECK_FALSE(s.inner.done());
  CHECK(s.inner.cancelling() == 0);
  s.result.set_result(42);
  CHECK(s.on.loop.run_until_complete(s.inner) == 42);
  CHECK(s.told.count() == 0);
}

// CPython: tasks BaseTaskTests.test_shield_shortcut
TEST_CASE("a shield around what is done takes no pass", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto gives = []() -> weft::task<int> { co_return 42; };
    auto inner = weft::create_task(gives);
    co_await weft::yield();
    const pass_counter counter;
    const int result = co_await weft::shield(inner);
    CHECK(result == 42);
    CHECK(counter.passes() == 0);
    weft::future<int> future;
    future.set_result(43);
    const int other = co_await weft::shield(future);
    CHECK(other == 43);
    CHECK(counter.passes() == 0);
  });
}

// CPython: tasks BaseTaskTests.test_shield_effect
TEST_CASE("a coroutine that is shielded runs to its end when the one that waits is cancelled", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  event_log log;
  const weft::future<> waiter(on.loop);
  auto inner = [&]() -> weft::task<> {
    co_await waiter;
    log("inner");
  };
  auto outer = [&]() -> weft::task<> {
    co_await weft::shield(inner());
    log("outer");
  };
  auto task = on.loop.create_task(outer);
  run_one_pass(on.loop);
  run_one_pass(on.loop);
  task.cancel();
  CHECK_THROWS_AS(on.loop.run_until_complete(task), weft::cancelled_error);
  waiter.set_result();
  run_one_pass(on.loop);
  CHECK(log.text() == "inner");
}

// CPython: tasks BaseTaskTests.test_shield_gather
TEST_CASE("a gather that is shielded goes on without the one that waits", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<int> one(on.loop);
  const weft::future<int> two(on.loop);
  std::tuple<int, int> results;
  auto both = [&]() -> weft::task<> { results = co_await weft::gather(one, two); };
  auto outer = [&]() -> weft::task<> { co_await weft::shield(both); };
  auto task = on.loop.create_task(outer);
  for (int pass = 0; pass < 4; ++pass) run_one_pass(on.loop);
  task.cancel();
  run_one_pass(on.loop);
  CHECK(task.cancelled());
  one.set_result(1);
  two.set_result(2);
  weft_test::run_until_idle(on.loop);
  CHECK(results == std::tuple(1, 2));
}

// CPython: tasks BaseTaskTests.test_gather_shield
TEST_CASE("cancelling a gather of shields ends the shields and leaves what is shielded alone", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  const weft::future<int> one(on.loop);
  const weft::future<int> two(on.loop);
  auto waits = [](weft::future<int> f) -> weft::task<int> { co_return co_await f; };
  auto child1 = on.loop.create_task(waits, one);
  auto child2 = on.loop.create_task(waits, two);
  auto body = [&]() -> weft::task<> { co_await weft::gather(weft::shield(child1), weft::shield(child2)); };
  auto parent = on.loop.create_task(body);
  for (int pass = 0; pass < 4; ++pass) run_one_pass(on.loop);
  parent.cancel();
  CHECK_THROWS_AS(on.loop.run_until_complete(parent), weft::cancelled_error);
  CHECK_FALSE(child1.done());
  CHECK_FALSE(child2.done());
  one.set_result(1);
  two.set_result(2);
  CHECK(on.loop.run_until_complete(child1) == 1);
  CHECK(on.loop.run_until_complete(child2) == 2);
}

}  // namespace asyncio_tasks_shield_test
