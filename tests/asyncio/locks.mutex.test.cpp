// CPython's tests of asyncio.Lock, for weft/sync/mutex.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/yield.hpp>

#include <string>

namespace asyncio_locks_mutex_test {

using weft_test::event_log;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

// Locks the mutex and leaves it so: the test unlocks it.
weft::task<> take(weft::mutex& m) {
  auto lock = co_await m.lock();
  lock.release();
}
weft::task<> take_and_log(weft::mutex& m, event_log& log, std::string name) {
  co_await take(m);
  log(name);
}
weft::task<> hold_until(weft::mutex& m, weft::future<> go_on) {
  const auto lock = co_await m.lock();
  co_await go_on;
}
weft::task<> hold(weft::mutex& m) { const auto lock = co_await m.lock(); }

// CPython: locks LockTests.test_lock
TEST_CASE("a mutex itself cannot be awaited, and lock() does nothing until it is", "[asyncio][locks]") {
  STATIC_REQUIRE_FALSE(weft::awaitable<weft::mutex&>);
  weft::mutex m;
  { [[maybe_unused]] const auto unawaited = m.lock(); }
  CHECK_FALSE(m.locked());
}

// CPython: locks LockTests.test_acquire
TEST_CASE("each unlock lets the one in that waits longest, in one pass", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    event_log log;
    co_await take(m);
    const auto first = weft::create_task(take_and_log(m, log, "1"));
    const auto second = weft::create_task(take_and_log(m, log, "2"));
    co_await weft::yield();
    CHECK(log.text().empty());
    m.unlock();
    co_await weft::yield();
    CHECK(log.text() == "1");
    CHECK(first.done());
    co_await weft::yield();
    CHECK(log.text() == "1");
    const auto third = weft::create_task(take_and_log(m, log, "3"));  // begins before the second is woken
    m.unlock();
    co_await weft::yield();
    CHECK(log.text() == "1 2");
    m.unlock();
    co_await weft::yield();
    CHECK(log.text() == "1 2 3");
    CHECK(second.done());
    CHECK(third.done());
  });
}

// CPython: locks LockTests.test_acquire_cancel
TEST_CASE("a cancelled waiter for a mutex leaves the line", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    co_await take(m);
    const auto waiter = weft::create_task(take(m));
    weft::event_loop::current().call_soon([&] { waiter.cancel(); });
    const auto end = co_await weft::outcome_of(waiter);
    CHECK(end.cancelled());
    CHECK(m.waiters() == 0);
    m.unlock();
    CHECK_FALSE(m.locked());
    CHECK(m.try_lock());
  });
}

// CPython: locks LockTests.test_cancel_race
TEST_CASE("an unlock in the pass in which the next in line is cancelled lets the one behind in", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    weft::future<> gate;
    const auto a = weft::create_task(hold_until(m, gate));
    co_await weft::yield();
    CHECK(m.locked());
    const auto b = weft::create_task(hold(m));
    const auto c = weft::create_task(hold(m));
    co_await weft::yield();
    CHECK(m.waiters() == 2);
    gate.set_result();
    b.cancel();
    CHECK(m.waiters() == 1);
    co_await weft::yield();
    CHECK(a.done());
    CHECK(b.cancelled());
    CHECK_FALSE(m.locked());
    CHECK_FALSE(c.done());
    co_await c;
  });
}

// CPython: locks LockTests.test_cancel_release_race
TEST_CASE("cancelling the next in line and unlocking at once lets one in and not two", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    event_log log;
    co_await take(m);
    const auto a = weft::create_task(take_and_log(m, log, "a"));
    const auto b = weft::create_task(take_and_log(m, log, "b"));
    const auto c = weft::create_task(take_and_log(m, log, "c"));
    co_await weft::yield();
    weft::event_loop::current().call_soon([&] {
      a.cancel();
      m.unlock();
      CHECK_FALSE(m.try_lock());  // nobody overtakes those who wait
    });
    const auto end = co_await weft::outcome_of(a);
    CHECK(end.cancelled());
    CHECK(log.text() == "b");
    CHECK(b.done());
    c.cancel();
    co_await weft::yield();
    CHECK(c.cancelled());
    CHECK(log.text() == "b");
  });
}

// CPython: locks LockTests.test_finished_waiter_cancelled
TEST_CASE("a task that comes new gets the mutex whose only waiter was cancelled", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    co_await take(m);
    const auto b = weft::create_task(take(m));
    co_await weft::yield();
    CHECK(m.waiters() == 1);
    const auto c = weft::create_task(take(m));  // begins after the cancellation
    b.cancel();
    m.unlock();
    co_await weft::yield();
    CHECK(m.locked());
    CHECK(b.cancelled());
    CHECK(c.done());
  });
}

// CPython: locks LockTests.test_finished_waiter_cancelled
TEST_CASE("a waiter that was woken and is then cancelled hands the mutex on", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    co_await take(m);
    const auto b = weft::create_task(take(m));
    const auto c = weft::create_task(take(m));
    co_await weft::yield();
    m.unlock();
    b.cancel();
    co_await weft::yield();
    CHECK(b.cancelled());
    CHECK_FALSE(c.done());
    CHECK_FALSE(m.locked());
    co_await weft::yield();
    CHECK(c.done());
    CHECK(m.locked());
  });
}

// CPython: locks LockTests.test_release_not_acquired
TEST_CASE("unlocking a mutex that is not locked is a usage_error", "[asyncio][locks]") {
  weft::mutex m;
  CHECK_THROWS_AS(m.unlock(), weft::usage_error);
  CHECK_FALSE(m.locked());
}

// CPython: locks LockTests.test_release_no_waiters
TEST_CASE("unlocking a mutex that nobody waits for leaves it free", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    pass_counter counter;
    co_await take(m);
    CHECK(m.locked());
    m.unlock();
    CHECK_FALSE(m.locked());
    CHECK(counter.passes() == 0);
  });
}

// CPython: locks LockTests.test_context_manager
TEST_CASE("a mutex is locked to the end of the scope of its lock", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    CHECK_FALSE(m.locked());
    {
      const auto lock = co_await m.lock();
      CHECK(m.locked());
    }
    CHECK_FALSE(m.locked());
  });
}

}  // namespace asyncio_locks_mutex_test
