// Tests of weft/sync/semaphore.hpp: who gets a permit when, and that no permit is lost or made.
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
#include <weft/sync/semaphore.hpp>
#include <weft/sync/yield.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace sync_semaphore_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<> use_permit(weft::semaphore& s, event_log& log, std::string name) {
  const auto permit = co_await s.acquire();
  log(name);
  co_await weft::yield();
  log(name + "_ends");
}

// ---- whose turn it is ----

TEST_CASE("a semaphore lets as many in as it has permits, in their order", "[sync][semaphore]") {
  weft::semaphore two(2);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::gather(use_permit(two, log, "a"), use_permit(two, log, "b"), use_permit(two, log, "c"));
  });
  CHECK(log.text() == "a b a_ends b_ends c c_ends");
  CHECK(two.value() == 2);
}

TEST_CASE("a free permit takes no pass, one that is handed over takes one", "[sync][semaphore]") {
  weft::semaphore s;
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    auto permit = co_await s.acquire();
    CHECK(counter.passes() == 0);
    weft::event_loop::current().call_soon([&] { permit.give_back(); });
    const auto again = co_await s.acquire();
    CHECK(counter.passes() == 2);  // one until it is given back, one until the task resumes
  });
}

TEST_CASE("nobody overtakes the task that a permit is on its way to", "[sync][semaphore]") {
  weft::semaphore s;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto permit = co_await s.acquire();
    auto a = weft::create_task(use_permit(s, log, "a"));
    co_await weft::yield();
    permit.give_back();
    CHECK(s.value() == 0);
    CHECK(s.locked());
    CHECK_FALSE(static_cast<bool>(s.try_acquire()));
    permit = co_await s.acquire();
    log("main");
    CHECK(a.done());
  });
  CHECK(log.text() == "a a_ends main");
}

TEST_CASE("permits that are released at once wake as many tasks", "[sync][semaphore]") {
  weft::semaphore none(0);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(use_permit(none, log, "a"));
    auto b = weft::create_task(use_permit(none, log, "b"));
    auto c = weft::create_task(use_permit(none, log, "c"));
    co_await weft::yield();
    CHECK(none.waiters() == 3);
    none.release();
    none.release();
    CHECK(none.waiters() == 1);
    co_await weft::gather(a, b, c);
  });
  CHECK(log.text() == "a b a_ends b_ends c c_ends");
  CHECK(none.value() == 2);
}

TEST_CASE("a semaphore says whether it is locked, its value and how many tasks wait", "[sync][semaphore]") {
  weft::semaphore two(2);
  CHECK(two.value() == 2);
  CHECK_FALSE(two.locked());
  const weft::semaphore_permit first = two.try_acquire();
  CHECK(two.value() == 1);
  CHECK_FALSE(two.locked());
  const weft::semaphore_permit second = two.try_acquire();
  CHECK(two.locked());
  CHECK_FALSE(static_cast<bool>(two.try_acquire()));
  CHECK(two.value() == 0);
  CHECK(two.waiters() == 0);
}

TEST_CASE("an acquire() that is not awaited takes nothing, and may move before it is awaited", "[sync][semaphore]") {
  weft::semaphore s(1);
  run_on_virtual_time([&]() -> weft::task<> {
    auto first = s.acquire();
    CHECK(s.value() == 1);
    auto moved = std::move(first);
    const auto permit = co_await std::move(moved);
    CHECK(s.value() == 0);
  });
}

// ---- the permit ----

TEST_CASE("a permit is given back at the end of its scope, also when an exception ends that", "[sync][semaphore]") {
  weft::semaphore s(1);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> {
      const auto permit = co_await s.acquire();
      CHECK(static_cast<bool>(permit));
      throw std::runtime_error("broken");
    };
    const auto broken = co_await weft::outcome_of(body());
    CHECK(broken.failed());
    CHECK(s.value() == 1);
  });
}

TEST_CASE("a permit moves, swaps, and gives its own back when it is assigned to", "[sync][semaphore]") {
  static_assert(!std::is_copy_constructible_v<weft::semaphore_permit>);
  weft::semaphore one(1);
  weft::semaphore other(1);
  weft::semaphore_permit first = one.try_acquire();
  weft::semaphore_permit second = other.try_acquire();
  first.swap(second);
  weft::semaphore_permit moved = std::move(second);
  CHECK_FALSE(static_cast<bool>(second));  // NOLINT: what is left of it
  CHECK(one.value() == 0);
  first = std::move(moved);
  CHECK(one.value() == 0);
  CHECK(other.value() == 1);
  first.give_back();
  CHECK(one.value() == 1);
  CHECK_FALSE(static_cast<bool>(first));
}

TEST_CASE("a permit that is released stays taken", "[sync][semaphore]") {
  weft::semaphore s(1);
  {
    weft::semaphore_permit permit = s.try_acquire();
    CHECK(permit.release() == &s);
    CHECK(permit.release() == nullptr);
  }
  CHECK(s.value() == 0);
  s.release();
  CHECK(s.value() == 1);
}

TEST_CASE("permits can be kept in a container", "[sync][semaphore]") {
  weft::semaphore s(3);
  std::vector<weft::semaphore_permit> all;
  for (int i = 0; i < 3; ++i) all.push_back(s.try_acquire());
  CHECK(s.locked());
  all.erase(all.begin());
  CHECK(s.value() == 1);
  all.clear();
  CHECK(s.value() == 3);
}

// ---- wrong uses ----

TEST_CASE("a semaphore cannot start with a negative number of permits", "[sync][semaphore]") {
  CHECK_THROWS_AS(weft::semaphore(-1), std::invalid_argument);
  CHECK_THROWS_AS(weft::bounded_semaphore(-1), std::invalid_argument);
  CHECK(weft::semaphore(0).locked());
}

TEST_CASE("a bounded semaphore refuses a permit too many and is as before, an unbounded one takes it",
          "[sync][semaphore]") {
  weft::bounded_semaphore bounded(1);
  CHECK_THROWS_AS(bounded.release(), std::invalid_argument);
  CHECK(bounded.value() == 1);
  weft::semaphore_permit permit = bounded.try_acquire();
  permit.give_back();
  CHECK_THROWS_AS(permit.give_back(), weft::usage_error);
  CHECK(bounded.value() == 1);
  weft::semaphore unbounded(1);
  unbounded.release();
  CHECK(unbounded.value() == 2);
}

TEST_CASE("a permit that somebody else has given back is refused, or dropped silently at the end",
          "[sync][semaphore]") {
  weft::bounded_semaphore s(1);
  weft::semaphore_permit permit = s.try_acquire();
  s.release();
  CHECK_THROWS_AS(permit.give_back(), std::invalid_argument);
  CHECK_FALSE(static_cast<bool>(permit));
  {
    const weft::semaphore_permit again = s.try_acquire();
    s.release();
  }
  CHECK(s.value() == 1);
}

// ---- cancelled, destroyed, stuck ----

TEST_CASE("a task that is cancelled while it waits for a permit is skipped", "[sync][semaphore]") {
  weft::semaphore s(0);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(use_permit(s, log, "a"));
    auto b = weft::create_task(use_permit(s, log, "b"));
    co_await weft::yield();
    a.cancel();
    CHECK(s.waiters() == 1);
    s.release();
    co_await b;
    CHECK(a.cancelled());
  });
  CHECK(log.text() == "b b_ends");
  CHECK(s.value() == 1);
}

TEST_CASE("a task that is cancelled in the pass in which it got a permit hands it on", "[sync][semaphore]") {
  weft::bounded_semaphore s(1);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto permit = co_await s.acquire();
    auto a = weft::create_task(use_permit(s, log, "a"));
    auto b = weft::create_task(use_permit(s, log, "b"));
    co_await weft::yield();
    permit.give_back();
    a.cancel();
    co_await b;
    CHECK(a.cancelled());
  });
  CHECK(log.text() == "b b_ends");
  CHECK(s.value() == 1);
}

TEST_CASE("a loop may go in any pass around those that hold a permit or wait for one", "[sync][semaphore]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    weft::bounded_semaphore s(2);
    weft_test::census counts;
    weft_test::reports told;
    const auto body = [&](tracked) -> weft::task<> {
      const auto permit = co_await s.acquire();
      co_await weft::yield();
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      for (int i = 0; i < 5; ++i) on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
    CHECK(s.waiters() == 0);
    CHECK(s.value() == 2);
    CHECK_FALSE(s.locked());
  }
}

TEST_CASE("a semaphore may go before those who hold a permit, wait for one or have one on its way",
          "[sync][semaphore]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto s = std::make_unique<weft::semaphore>(1);
    auto permit = s->try_acquire();
    auto woken = weft::create_task(use_permit(*s, log, "woken"));
    auto waits = weft::create_task(use_permit(*s, log, "waits"));
    co_await weft::yield();
    s->release();
    s.reset();
    CHECK_FALSE(static_cast<bool>(permit));
    CHECK_THROWS_AS(permit.give_back(), weft::usage_error);
    woken.cancel();
    waits.cancel();
    co_await weft::yield();
    CHECK(woken.cancelled());
    CHECK(waits.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("a task with a permit on its way from a semaphore that has gone does not touch it, and waits to be cancelled",
          "[sync][semaphore]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto s = std::make_unique<weft::semaphore>(0);
    auto woken = weft::create_task(use_permit(*s, log, "woken"));
    co_await weft::yield();
    s->release();
    s.reset();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(log.text().empty());
    woken.cancel();
    co_await weft::yield();
    CHECK(woken.cancelled());
  });
}

TEST_CASE("a deadlock report says who waits for a permit", "[sync][semaphore]") {
  weft::semaphore s(0);
  event_log log;
  CHECK_THROWS_WITH(run_on_virtual_time([&]() -> weft::task<> { co_await use_permit(s, log, "a"); }),
                    contains("waits for a semaphore") && contains("semaphore.test.cpp:"));
  CHECK(s.waiters() == 0);
}

TEST_CASE("waiting for a permit for which tasks of another loop wait is refused", "[sync][semaphore]") {
  weft::semaphore s(0);
  event_log log;
  weft_test::loop_on_virtual_time other;
  auto first = other.loop.create_task(use_permit(s, log, "first"));
  weft_test::run_one_pass(other.loop);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refused = co_await weft::outcome_of(use_permit(s, log, "never"));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
  });
  CHECK(s.waiters() == 1);
  s.release();
  other.loop.run_until_complete(first);
  CHECK(s.value() == 1);
}

TEST_CASE("waiting for a permit allocates nothing", "[sync][semaphore]") {
  weft::semaphore s;
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto use = [&]() -> weft::task<> {
      const auto permit = co_await s.acquire();
      co_await weft::yield();
    };
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames
      const std::uint64_t before = weft_test::allocations();
      auto a = weft::create_task(use());
      auto b = weft::create_task(use());
      co_await a;
      co_await b;
      allocated = weft_test::allocations() - before;
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

}  // namespace sync_semaphore_test
