// Tests of weft/sync/event.hpp: who is woken when, and that nothing is left of those who went.
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
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace sync_event_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<> wait_and_say(weft::event& e, event_log& log, std::string name) {
  co_await e.wait();
  log(name);
}

TEST_CASE("set() wakes all who wait for an event, in their order", "[sync][event]") {
  weft::event e;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::event_loop::current().call_soon([&] {
      CHECK(e.waiters() == 0);  // they start behind this
      weft::event_loop::current().call_soon([&] {
        CHECK(e.waiters() == 3);
        e.set();
        log("set");
      });
    });
    co_await weft::gather(wait_and_say(e, log, "a"), wait_and_say(e, log, "b"), wait_and_say(e, log, "c"));
  });
  CHECK(log.text() == "set a b c");
  CHECK(e.is_set());
  CHECK(e.waiters() == 0);
}

TEST_CASE("an event that is set takes no pass, one that is set later takes one", "[sync][event]") {
  weft::event e;
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    weft::event_loop::current().call_soon([&] { e.set(); });
    co_await e.wait();
    CHECK(counter.passes() == 2);  // one until the set, one until the wake-up
    co_await e.wait();
    CHECK(counter.passes() == 2);
  });
}

TEST_CASE("a clear() right after the set() does not keep those who waited for an event", "[sync][event]") {
  weft::event e;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(e, log, "a"));
    co_await weft::yield();
    e.set();
    e.clear();
    CHECK_FALSE(e.is_set());
    co_await a;
    auto b = weft::create_task(wait_and_say(e, log, "b"));
    co_await weft::yield();
    co_await weft::yield();
    CHECK_FALSE(b.done());
    e.set();
    e.set();
    co_await b;
  });
  CHECK(log.text() == "a b");
}

TEST_CASE("an event's wait() that is not awaited does nothing, and may move before it is awaited", "[sync][event]") {
  static_assert(!std::is_copy_constructible_v<weft::event> && !std::is_copy_constructible_v<weft::event_awaiter>);
  weft::event e;
  run_on_virtual_time([&]() -> weft::task<> {
    auto first = e.wait();
    CHECK(e.waiters() == 0);
    auto moved = std::move(first);
    e.set();
    co_await std::move(moved);
  });
}

TEST_CASE("a task that is cancelled while it waits for an event leaves nothing behind", "[sync][event]") {
  weft::event e;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(e, log, "a"));
    auto b = weft::create_task(wait_and_say(e, log, "b"));
    co_await weft::yield();
    a.cancel();
    CHECK(e.waiters() == 1);
    e.set();
    co_await b;
    CHECK(a.cancelled());
  });
  CHECK(log.text() == "b");
}

TEST_CASE("a task that an event has woken can be cancelled in the same pass", "[sync][event]") {
  weft::event e;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(e, log, "a"));
    co_await weft::yield();
    e.set();
    a.cancel();
    co_await weft::yield();
    CHECK(a.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("an event may be destroyed as soon as those who waited have been woken; others can only be cancelled",
          "[sync][event]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto e = std::make_unique<weft::event>();
    auto a = weft::create_task(wait_and_say(*e, log, "a"));
    auto b = weft::create_task(wait_and_say(*e, log, "b"));
    co_await weft::yield();
    e->set();
    b.cancel();
    e.reset();
    co_await a;
    CHECK(b.cancelled());
    auto f = std::make_unique<weft::event>();
    auto waits = weft::create_task(wait_and_say(*f, log, "never"));
    co_await weft::yield();
    f.reset();
    waits.cancel();  // all that is left
    co_await weft::yield();
    CHECK(waits.cancelled());
  });
  CHECK(log.text() == "a");
}

TEST_CASE("a loop may go in any pass around those that wait for an event", "[sync][event]") {
  for (int passes = 0; passes < 4; ++passes) {
    INFO(passes);
    weft::event e;
    weft_test::census counts;
    weft_test::reports told;
    const auto body = [&](tracked) -> weft::task<> { co_await e.wait(); };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      for (int i = 0; i < 3; ++i) on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
      if (passes == 3) e.set();
    }
    CHECK(counts.alive == 0);
    CHECK(e.waiters() == 0);
    CHECK(told.count() == 3);
  }
}

TEST_CASE("a deadlock report says who waits for an event", "[sync][event]") {
  weft::event e;
  const auto body = [&]() -> weft::task<> { co_await e.wait(); };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for an event") && contains("event.test.cpp:"));
  CHECK(e.waiters() == 0);
}

TEST_CASE("waiting for an event for which tasks of another loop wait is refused", "[sync][event]") {
  weft::event e;
  event_log log;
  weft_test::loop_on_virtual_time other;
  auto first = other.loop.create_task(wait_and_say(e, log, "first"));
  weft_test::run_one_pass(other.loop);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refused = co_await weft::outcome_of(e.wait());
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
  });
  CHECK(e.waiters() == 1);
  e.set();
  other.loop.run_until_complete(first);
  CHECK(log.text() == "first");
}

TEST_CASE("waiting for an event allocates nothing", "[sync][event]") {
  weft::event e;
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto wait = [&]() -> weft::task<> { co_await e.wait(); };
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames
      const std::uint64_t before = weft_test::allocations();
      auto a = weft::create_task(wait());
      auto b = weft::create_task(wait());
      co_await weft::yield();
      e.set();
      co_await a;
      co_await b;
      allocated = weft_test::allocations() - before;
      e.clear();
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

}  // namespace sync_event_test
