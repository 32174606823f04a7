// Tests of weft/sync/mutex.hpp: whose turn it is, and what becomes of the lock, whatever ends the one that holds it.
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
#include <weft/sync/mutex.hpp>
#include <weft/sync/yield.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace sync_mutex_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<> hold(weft::mutex& m, event_log& log, std::string name) {
  const auto lock = co_await m.lock();
  log(name);
  co_await weft::yield();
  log(name + "_ends");
}

// ---- whose turn it is ----

TEST_CASE("tasks get a mutex one at a time and in the order in which they asked", "[sync][mutex]") {
  weft::mutex m;
  event_log log;
  run_on_virtual_time(
      [&]() -> weft::task<> { co_await weft::gather(hold(m, log, "a"), hold(m, log, "b"), hold(m, log, "c")); });
  CHECK(log.text() == "a a_ends b b_ends c c_ends");
  CHECK_FALSE(m.locked());
}

TEST_CASE("a free mutex takes no pass, one that is handed over takes one", "[sync][mutex]") {
  weft::mutex m;
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    auto lock = co_await m.lock();
    CHECK(counter.passes() == 0);
    weft::event_loop::current().call_soon([&] { lock.unlock(); });
    const auto again = co_await m.lock();
    CHECK(counter.passes() == 2);  // one until the unlock, one until the lock
  });
}

TEST_CASE("nobody overtakes the task that was woken for a mutex", "[sync][mutex]") {
  weft::mutex m;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto lock = co_await m.lock();
    auto a = weft::create_task(hold(m, log, "a"));
    co_await weft::yield();
    lock.unlock();
    CHECK_FALSE(m.locked());
    CHECK_FALSE(m.try_lock());  // free, but promised
    log("unlocked");
    lock = co_await m.lock();
    log("main");
    CHECK(a.done());
  });
  CHECK(log.text() == "unlocked a a_ends main");
}

TEST_CASE("a mutex says whether it is locked and how many tasks wait", "[sync][mutex]") {
  weft::mutex m;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    CHECK_FALSE(m.locked());
    auto lock = co_await m.lock();
    CHECK(m.locked());
    auto a = weft::create_task(hold(m, log, "a"));
    auto b = weft::create_task(hold(m, log, "b"));
    CHECK(m.waiters() == 0);
    co_await weft::yield();
    CHECK(m.waiters() == 2);
    lock.unlock();
    CHECK(m.waiters() == 1);  // the other one is on its way
    co_await weft::gather(a, b);
    CHECK(m.waiters() == 0);
  });
}

TEST_CASE("a lock() that is not awaited takes nothing, and may move before it is awaited", "[sync][mutex]") {
  weft::mutex m;
  run_on_virtual_time([&]() -> weft::task<> {
    auto first = m.lock();
    CHECK_FALSE(m.locked());
    auto moved = std::move(first);
    const auto lock = co_await std::move(moved);
    CHECK(m.locked());
  });
}

// ---- the lock ----

TEST_CASE("a lock releases the mutex at the end of its scope, also when an exception ends that", "[sync][mutex]") {
  weft::mutex m;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      const auto lock = co_await m.lock();
      CHECK(static_cast<bool>(lock));
    }
    CHECK_FALSE(m.locked());
    const auto body = [&]() -> weft::task<> {
      const auto lock = co_await m.lock();
      throw std::runtime_error("broken");
    };
    const auto broken = co_await weft::outcome_of(body());
    CHECK(broken.failed());
    CHECK_FALSE(m.locked());
  });
}

TEST_CASE("a lock that moves takes the mutex along, and one that is assigned to releases its own", "[sync][mutex]") {
  static_assert(!std::is_copy_constructible_v<weft::mutex_lock> && std::is_nothrow_move_assignable_v<weft::mutex_lock>);
  weft::mutex one;
  weft::mutex two;
  weft::mutex_lock first = one.try_lock();
  weft::mutex_lock second = two.try_lock();
  weft::mutex_lock moved = std::move(first);
  CHECK_FALSE(static_cast<bool>(first));  // NOLINT: what is left of it
  CHECK(one.locked());
  second = std::move(moved);
  CHECK(one.locked());
  CHECK_FALSE(two.locked());
  second = weft::mutex_lock();
  CHECK_FALSE(one.locked());
}

TEST_CASE("locks swap what they hold", "[sync][mutex]") {
  weft::mutex m;
  weft::mutex_lock holds = m.try_lock();
  {
    weft::mutex_lock empty;
    empty.swap(holds);
    CHECK(m.locked());
  }
  CHECK_FALSE(m.locked());
  CHECK_THROWS_AS(holds.unlock(), weft::usage_error);
}

TEST_CASE("a lock that is released leaves the mutex to the caller", "[sync][mutex]") {
  weft::mutex m;
  {
    weft::mutex_lock lock = m.try_lock();
    CHECK(lock.release() == &m);
    CHECK_FALSE(static_cast<bool>(lock));
    CHECK(lock.release() == nullptr);
  }
  CHECK(m.locked());
  m.unlock();
  CHECK_FALSE(m.locked());
}

TEST_CASE("a lock whose mutex was unlocked behind its back does nothing at the end", "[sync][mutex]") {
  weft::mutex m;
  {
    const weft::mutex_lock lock = m.try_lock();
    m.unlock();
  }
  CHECK_FALSE(m.locked());
  CHECK(static_cast<bool>(m.try_lock()));
}

TEST_CASE("unlock() of what is not locked is refused, and the mutex is as before", "[sync][mutex]") {
  weft::mutex m;
  CHECK_THROWS_WITH(m.unlock(), contains("not locked"));
  weft::mutex_lock lock = m.try_lock();
  lock.unlock();
  CHECK_THROWS_AS(lock.unlock(), weft::usage_error);
  CHECK_THROWS_AS(m.unlock(), weft::usage_error);
  CHECK(static_cast<bool>(m.try_lock()));
}

// ---- cancelled, destroyed, stuck ----

TEST_CASE("a task that is cancelled while it waits for a mutex is skipped", "[sync][mutex]") {
  weft::mutex m;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto lock = co_await m.lock();
    auto a = weft::create_task(hold(m, log, "a"));
    auto b = weft::create_task(hold(m, log, "b"));
    co_await weft::yield();
    a.cancel();
    CHECK(m.waiters() == 1);
    const bool unlock_at_once = GENERATE(false, true);
    if (!unlock_at_once) co_await weft::yield();
    lock.unlock();
    co_await b;
    CHECK(a.cancelled());
  });
  CHECK(log.text() == "b b_ends");
}

TEST_CASE("a task that is woken for a mutex and cancelled in the same pass hands it on", "[sync][mutex]") {
  weft::mutex m;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto lock = co_await m.lock();
    auto a = weft::create_task(hold(m, log, "a"));
    auto b = weft::create_task(hold(m, log, "b"));
    co_await weft::yield();
    lock.unlock();
    a.cancel();
    co_await b;
    CHECK(a.cancelled());
    CHECK_FALSE(m.locked());
  });
  CHECK(log.text() == "b b_ends");
}

TEST_CASE("a task that holds a mutex and is cancelled gives it to the next", "[sync][mutex]") {
  weft::mutex m;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(hold(m, log, "a"));
    auto b = weft::create_task(hold(m, log, "b"));
    co_await weft::yield();
    a.cancel();
    co_await b;
  });
  CHECK(log.text() == "a b b_ends");
}

TEST_CASE("a loop may go in any pass around those that hold a mutex or wait for it", "[sync][mutex]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    weft::mutex m;
    weft_test::census counts;
    weft_test::reports told;
    const auto body = [&](tracked) -> weft::task<> {
      const auto lock = co_await m.lock();
      co_await weft::yield();
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      for (int i = 0; i < 3; ++i) on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
    CHECK(m.waiters() == 0);
    CHECK(static_cast<bool>(m.try_lock()));  // nobody is left on the way
  }
}

TEST_CASE("a deadlock report says who waits for a mutex", "[sync][mutex]") {
  weft::mutex m;
  const auto body = [&]() -> weft::task<> {
    const auto lock = co_await m.lock();
    const auto twice = co_await m.lock();
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for a mutex") && contains("mutex.test.cpp:"));
  CHECK_FALSE(m.locked());
}

TEST_CASE("waiting for a mutex on which tasks of another loop wait is refused", "[sync][mutex]") {
  weft::mutex m;
  event_log log;
  weft_test::loop_on_virtual_time other;
  weft::mutex_lock lock = m.try_lock();
  auto first = other.loop.create_task(hold(m, log, "first"));
  weft_test::run_one_pass(other.loop);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refused = co_await weft::outcome_of(hold(m, log, "never"));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
    CHECK(m.waiters() == 1);
  });
  lock.unlock();
  other.loop.run_until_complete(first);
  CHECK(log.text() == "first first_ends");
}

TEST_CASE("a mutex may go before those who hold it, wait for it or are on their way; those can be cancelled",
          "[sync][mutex]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto m = std::make_unique<weft::mutex>();
    auto lock = m->try_lock();
    auto woken = weft::create_task(hold(*m, log, "woken"));
    auto waits = weft::create_task(hold(*m, log, "waits"));
    co_await weft::yield();
    lock.unlock();
    lock = weft::mutex_lock(*m);
    m.reset();
    CHECK_FALSE(static_cast<bool>(lock));
    CHECK_THROWS_AS(lock.unlock(), weft::usage_error);
    woken.cancel();
    waits.cancel();
    co_await weft::yield();
    CHECK(woken.cancelled());
    CHECK(waits.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("a task that was woken for a mutex that has gone does not touch it, and waits to be cancelled",
          "[sync][mutex]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto m = std::make_unique<weft::mutex>();
    auto lock = m->try_lock();
    auto woken = weft::create_task(hold(*m, log, "woken"));
    co_await weft::yield();
    lock.unlock();
    m.reset();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(log.text().empty());
    woken.cancel();
    co_await weft::yield();
    CHECK(woken.cancelled());
  });
}

TEST_CASE("waiting for a mutex allocates nothing", "[sync][mutex]") {
  weft::mutex m;
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto use = [&]() -> weft::task<> {
      const auto lock = co_await m.lock();
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

}  // namespace sync_mutex_test
