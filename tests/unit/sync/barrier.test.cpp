// Tests of weft/sync/barrier.hpp: filling and draining, and what breaks it.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/barrier.hpp>
#include <weft/sync/yield.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace sync_barrier_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<> meet(weft::barrier& b, event_log& log, std::string name) {
  const std::size_t number = co_await b.wait();
  log(name + std::to_string(number));
}

weft::task<> yields(int times) {
  for (int i = 0; i < times; ++i) co_await weft::yield();
}

TEST_CASE("a barrier lets nobody through until all are there, and gives each another number", "[sync][barrier]") {
  weft::barrier b(3);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto one = weft::create_task(meet(b, log, "a"));
    auto two = weft::create_task(meet(b, log, "b"));
    co_await yields(5);
    CHECK(b.waiters() == 2);
    CHECK(b.parties() == 3);
    CHECK(log.text().empty());
    co_await meet(b, log, "main");
    co_await weft::gather(one, two);
  });
  CHECK(log.text() == "main2 a0 b1");
  CHECK(b.waiters() == 0);
  CHECK_FALSE(b.broken());
}

TEST_CASE("a barrier can be used again and again, also by those who come early for the next round", "[sync][barrier]") {
  weft::barrier b(2);
  std::vector<std::size_t> sums;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto party = [&]() -> weft::task<std::size_t> {
      std::size_t sum = 0;
      for (int round = 0; round < 5; ++round) sum += co_await b.wait();
      co_return sum;
    };
    const auto [one, two] = co_await weft::gather(party(), party());
    sums = {one, two};
  });
  CHECK(sums.at(0) + sums.at(1) == 5);
}

TEST_CASE("a barrier for one stops nobody", "[sync][barrier]") {
  weft::barrier b(1);
  run_on_virtual_time([&]() -> weft::task<> {
    for (int round = 0; round < 2; ++round) {
      const std::size_t number = co_await b.wait();
      CHECK(number == 0);
    }
  });
}

TEST_CASE("a barrier needs a party", "[sync][barrier]") {
  CHECK_THROWS_AS(weft::barrier(0), std::invalid_argument);
  CHECK_THROWS_AS(weft::barrier(static_cast<std::size_t>(-1)), std::invalid_argument);
}

TEST_CASE("an aborted barrier is an error for those who wait and those who come, until it is reset",
          "[sync][barrier]") {
  weft::barrier b(2);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto waiting = weft::create_task(meet(b, log, "a"));
    co_await weft::yield();
    co_await b.abort();
    CHECK(b.broken());
    const auto first = co_await weft::outcome_of(waiting);
    CHECK_THROWS_WITH(first.value(), contains("aborted"));
    const auto second = co_await weft::outcome_of(b.wait());
    CHECK_THROWS_AS(second.value(), weft::broken_barrier_error);
    co_await b.abort();
    co_await b.reset();
    CHECK_FALSE(b.broken());
    co_await weft::gather(meet(b, log, "b"), meet(b, log, "c"));
  });
  CHECK(log.text() == "c1 b0");
}

TEST_CASE("a barrier that is reset throws out those who wait, and can be used by others at once", "[sync][barrier]") {
  weft::barrier b(2);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto waiting = weft::create_task(meet(b, log, "a"));
    co_await weft::yield();
    co_await b.reset();
    CHECK(b.waiters() == 0);
    auto x = weft::create_task(meet(b, log, "x"));
    auto y = weft::create_task(meet(b, log, "y"));
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK_THROWS_AS(outcome.value(), weft::broken_barrier_error);
    co_await weft::gather(x, y);
    co_await b.reset();  // with nobody there it changes nothing
    CHECK_FALSE(b.broken());
  });
  CHECK(log.text() == "y1 x0");
}

TEST_CASE("a task that is cancelled while it waits at a barrier counts no more", "[sync][barrier]") {
  weft::barrier b(2);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto gone = weft::create_task(meet(b, log, "gone"));
    co_await weft::yield();
    CHECK(b.waiters() == 1);
    gone.cancel();
    co_await weft::yield();
    CHECK(gone.cancelled());
    CHECK(b.waiters() == 0);
    co_await weft::gather(meet(b, log, "a"), meet(b, log, "b"));
  });
  CHECK(log.text() == "b1 a0");
}

TEST_CASE("a task that is cancelled in the pass in which a barrier opens does not keep it from closing",
          "[sync][barrier]") {
  weft::barrier b(2);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto late = weft::create_task(meet(b, log, "late"));
    co_await weft::yield();
    co_await meet(b, log, "main");
    late.cancel();
    co_await yields(3);
    CHECK(late.cancelled());
    co_await weft::gather(meet(b, log, "a"), meet(b, log, "b"));
  });
  CHECK(log.text() == "main1 b1 a0");
}

TEST_CASE("a loop may go in any pass around those that meet at a barrier", "[sync][barrier]") {
  for (int passes = 0; passes < 8; ++passes) {
    INFO(passes);
    weft::barrier b(2);
    weft_test::census counts;
    weft_test::reports told;
    const auto body = [&](tracked) -> weft::task<> { static_cast<void>(co_await b.wait()); };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      for (int i = 0; i < 5; ++i) on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
    CHECK(b.waiters() == 0);
  }
}

TEST_CASE("a barrier may go before those who wait at it: they can be cancelled", "[sync][barrier]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto b = std::make_unique<weft::barrier>(2);
    auto waits = weft::create_task(meet(*b, log, "a"));
    co_await weft::yield();
    b.reset();
    waits.cancel();
    co_await weft::yield();
    CHECK(waits.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("a barrier works on another loop after the one around it has gone", "[sync][barrier]") {
  weft::barrier b(2);
  event_log log;
  weft_test::reports told;
  {
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    on.loop.create_task(meet(b, log, "gone"));
    weft_test::run_one_pass(on.loop);
  }
  run_on_virtual_time([&]() -> weft::task<> { co_await weft::gather(meet(b, log, "a"), meet(b, log, "b")); });
  CHECK(log.text() == "b1 a0");
}

TEST_CASE("a deadlock report says who waits at a barrier", "[sync][barrier]") {
  weft::barrier b(2);
  const auto body = [&]() -> weft::task<> { static_cast<void>(co_await b.wait()); };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for a condition variable\n") &&
                                                   contains("sync/barrier.hpp:") && contains("barrier.test.cpp:"));
}

}  // namespace sync_barrier_test
