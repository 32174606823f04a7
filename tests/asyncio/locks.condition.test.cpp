// CPython's tests of asyncio.Condition, for weft/sync/condition_variable.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/wait_for.hpp>
#include <weft/time/with_timeout.hpp>

#include <chrono>
#include <string>

namespace asyncio_locks_condition_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;

weft::task<> wait_and_log(weft::condition_variable& changed, event_log& log, std::string name) {
  const auto lock = co_await changed.lock();
  co_await changed.wait();
  log(name);
}
// Ends with the mutex locked: the test unlocks it.
weft::task<> wait_and_keep_lock(weft::condition_variable& changed, event_log& log, std::string name) {
  auto lock = co_await changed.lock();
  co_await changed.wait();
  log(name);
  lock.release();
}
// For a test that holds the mutex itself.
weft::task<> wait_without_locking(weft::condition_variable& changed) { co_await changed.wait(); }

// CPython: locks ConditionTests.test_wait
TEST_CASE("those who wait for a condition go on when they are notified and get the mutex", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    weft::condition_variable changed(m);
    event_log log;
    const auto first = weft::create_task(wait_and_keep_lock(changed, log, "1"));
    const auto second = weft::create_task(wait_and_keep_lock(changed, log, "2"));
    const auto third = weft::create_task(wait_and_keep_lock(changed, log, "3"));
    co_await weft::yield();
    CHECK_FALSE(changed.locked());  // all three have given it back
    CHECK(changed.waiters() == 3);
    auto lock = co_await changed.lock();
    lock.release();
    changed.notify_one();
    co_await weft::yield();
    CHECK(log.text().empty());
    m.unlock();
    co_await weft::yield();
    CHECK(log.text() == "1");
    changed.notify(2);
    co_await weft::yield();
    CHECK(log.text() == "1");
    m.unlock();
    co_await weft::yield();
    CHECK(log.text() == "1 2");
    m.unlock();
    co_await weft::yield();
    CHECK(log.text() == "1 2 3");
    CHECK(changed.locked());
    CHECK(first.done());
    CHECK(second.done());
    CHECK(third.done());
  });
}

// CPython: locks ConditionTests.test_wait_cancel
TEST_CASE("a cancelled wait for a condition takes the mutex back and leaves no waiter", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    const auto lock = co_await changed.lock();
    const auto waiter = weft::create_task(wait_without_locking(changed));
    weft::event_loop::current().call_soon([&] { waiter.cancel(); });
    const auto end = co_await weft::outcome_of(waiter);
    CHECK(end.cancelled());
    CHECK(changed.waiters() == 0);
    CHECK(changed.locked());
  });
}

// CPython: locks ConditionTests.test_wait_cancel_contested
TEST_CASE("a wait for a condition that is cancelled in the line for the mutex gets it all the same",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    weft::condition_variable changed(m);
    (co_await changed.lock()).release();
    const auto waiter = weft::create_task(wait_without_locking(changed));
    co_await weft::yield();
    CHECK_FALSE(changed.locked());
    (co_await changed.lock()).release();
    changed.notify_one();
    weft::event_loop::current().call_soon([&] { waiter.cancel(); });
    weft::event_loop::current().call_soon([&] { m.unlock(); });
    const auto end = co_await weft::outcome_of(waiter);
    CHECK(end.cancelled());
    CHECK(changed.locked());
  });
}

// CPython: locks ConditionTests.test_wait_cancel_after_notify
TEST_CASE("a cancellation between the notification and the mutex is not lost", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    event_log log;
    const auto waiter = weft::create_task(wait_and_log(changed, log, "woken"));
    co_await weft::yield();
    CHECK(changed.waiters() == 1);
    auto lock = co_await changed.lock();
    changed.notify_one();
    co_await weft::yield();  // it lines up for the mutex
    waiter.cancel();
    co_await weft::yield();  // and lines up again
    CHECK_FALSE(waiter.done());
    lock.unlock();
    co_await weft::yield();
    CHECK(waiter.cancelled());
    CHECK(log.text().empty());
    CHECK_FALSE(changed.locked());
  });
}

// CPython: locks ConditionTests.test_wait_unacquired
TEST_CASE("waiting for a condition without the mutex is a usage_error", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    const auto end = co_await weft::outcome_of(changed.wait());
    CHECK_THROWS_AS(end.value(), weft::usage_error);
    CHECK(changed.waiters() == 0);
    CHECK_FALSE(changed.locked());
  });
}

// CPython: locks ConditionTests.test_wait_for
TEST_CASE("a wait with a predicate goes on waiting until a notification finds it true", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    bool open = false;
    bool passed = false;
    auto pass = [&]() -> weft::task<> {
      const auto lock = co_await changed.lock();
      co_await changed.wait([&] { return open; });
      passed = true;
    };
    const auto waiter = weft::create_task(pass);
    co_await weft::yield();
    {
      const auto lock = co_await changed.lock();
      changed.notify_one();
    }
    co_await weft::yield();
    CHECK_FALSE(passed);
    CHECK(changed.waiters() == 1);
    open = true;
    {
      const auto lock = co_await changed.lock();
      changed.notify_one();
    }
    co_await weft::yield();
    CHECK(passed);
    CHECK(waiter.done());
  });
}

// CPython: locks ConditionTests.test_wait_for_unacquired
TEST_CASE("a wait with a predicate needs the mutex only if the predicate is false", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    const auto at_once = co_await weft::outcome_of(changed.wait([] { return true; }));
    CHECK(at_once.has_value());
    const auto refused = co_await weft::outcome_of(changed.wait([] { return false; }));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
  });
}

// CPython: locks ConditionTests.test_notify
TEST_CASE("notify wakes as many as it is told, in their order, and takes it well if there are fewer",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    event_log log;
    const auto first = weft::create_task(wait_and_log(changed, log, "1"));
    const auto second = weft::create_task(wait_and_log(changed, log, "2"));
    const auto third = weft::create_task(wait_and_log(changed, log, "3"));
    co_await weft::yield();
    {
      const auto lock = co_await changed.lock();
      changed.notify(1);
    }
    co_await weft::yield();
    CHECK(log.text() == "1");
    {
      const auto lock = co_await changed.lock();
      changed.notify(1);
      changed.notify(2048);
    }
    co_await weft::yield();
    CHECK(log.text() == "1 2 3");
    CHECK(first.done());
    CHECK(second.done());
    CHECK(third.done());
  });
}

// CPython: locks ConditionTests.test_notify_all
TEST_CASE("notify_all wakes all who wait for a condition, within one pass", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    event_log log;
    const auto first = weft::create_task(wait_and_log(changed, log, "1"));
    const auto second = weft::create_task(wait_and_log(changed, log, "2"));
    co_await weft::yield();
    {
      const auto lock = co_await changed.lock();
      changed.notify_all();
    }
    CHECK(log.text().empty());
    co_await weft::yield();
    CHECK(log.text() == "1 2");
    CHECK(first.done());
    CHECK(second.done());
  });
}

// CPython: locks ConditionTests.test_notify_unacquired
// CPython: locks ConditionTests.test_notify_all_unacquired
TEST_CASE("notifying without the mutex is a usage_error", "[asyncio][locks]") {
  weft::condition_variable changed;
  CHECK_THROWS_AS(changed.notify_one(), weft::usage_error);
  CHECK_THROWS_AS(changed.notify(2), weft::usage_error);
  CHECK_THROWS_AS(changed.notify_all(), weft::usage_error);
}

// CPython: locks ConditionTests.test_context_manager
TEST_CASE("a condition variable is locked to the end of the scope of its lock", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    CHECK_FALSE(changed.locked());
    {
      const auto lock = co_await changed.lock();
      CHECK(changed.locked());
    }
    CHECK_FALSE(changed.locked());
  });
}

// CPython: locks ConditionTests.test_explicit_lock
TEST_CASE("a condition variable on a mutex is locked whenever the mutex is, through either", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    weft::condition_variable changed(m);
    {
      const auto lock = co_await changed.lock();
      CHECK(m.locked());
      CHECK(changed.locked());
    }
    CHECK_FALSE(m.locked());
    CHECK_FALSE(changed.locked());
    {
      const auto lock = co_await m.lock();
      CHECK(m.locked());
      CHECK(changed.locked());
    }
    CHECK_FALSE(m.locked());
    CHECK_FALSE(changed.locked());
  });
}

// CPython: locks ConditionTests.test_timeout_in_block
TEST_CASE("a wait for a condition that times out leaves the mutex locked", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    const auto lock = co_await changed.lock();
    const auto end = co_await weft::outcome_of(weft::wait_for(changed.wait(), 500ms));
    CHECK_THROWS_AS(end.value(), weft::timeout_error);
    CHECK(now_ms() == 500);
    CHECK(changed.locked());
    CHECK(changed.waiters() == 0);
  });
}

// Waits until `open`; says whether it was thrown out, and whether it had the mutex then. Ends as the wait does.
weft::task<> wait_until_open(weft::condition_variable& changed, const bool& open, event_log& log) {
  const auto lock = co_await changed.lock();
  try {
    co_await changed.wait([&] { return open; });
    log("passed");
  } catch (const weft::cancelled_error&) {
    log(changed.locked() ? "cancelled_with_lock" : "cancelled_without_lock");
    throw;
  }
}

// CPython: locks ConditionTests.test_cancelled_error_wakeup
TEST_CASE("a cancellation that comes before the notification is thrown where the task waits", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    event_log log;
    const bool open = false;
    const auto waiter = weft::create_task(wait_until_open(changed, open, log));
    co_await weft::yield();
    waiter.cancel();
    const auto end = co_await weft::outcome_of(waiter);
    CHECK(end.cancelled());
    CHECK(log.text() == "cancelled_with_lock");
    CHECK_FALSE(changed.locked());
  });
}

// CPython: locks ConditionTests.test_cancelled_error_re_aquire
TEST_CASE("a cancellation that comes in the line for the mutex is thrown though the predicate is true",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable changed;
    event_log log;
    bool open = false;
    const auto waiter = weft::create_task(wait_until_open(changed, open, log));
    co_await weft::yield();
    auto lock = co_await changed.lock();
    open = true;
    changed.notify_one();
    co_await weft::yield();
    waiter.cancel();
    lock.unlock();
    const auto end = co_await weft::outcome_of(waiter);
    CHECK(end.cancelled());
    CHECK(log.text() == "cancelled_with_lock");
    CHECK_FALSE(changed.locked());
  });
}

// Two consumers of one item: one of them is notified and cancelled before it can take the item, so that the other must.
weft::task<> notify_and_cancel(int passes_between) {
  weft::condition_variable changed;
  int items = 0;
  auto consume = [&]() -> weft::task<> {
    const auto lock = co_await changed.lock();
    for (;;) {
      co_await changed.wait([&] { return items != 0; });
      if (items < 0) co_return;
      --items;
      changed.notify_all();
    }
  };
  const auto first = weft::create_task(consume);
  const auto second = weft::create_task(consume);
  co_await weft::yield();
  {
    const auto lock = co_await changed.lock();
    ++items;
    changed.notify_one();
    for (int i = 0; i < passes_between; ++i) co_await weft::yield();
    first.cancel();
    co_await weft::with_timeout(10ms, changed.wait([&] { return items == 0; }));
    CHECK(now_ms() == 0);
    items = -1;
    changed.notify_all();
  }
  co_await second;
  CHECK(first.cancelled());
}

// CPython: locks ConditionTests.test_cancelled_wakeup
TEST_CASE("a notification goes to another waiter if the notified one is cancelled in the same pass",
          "[asyncio][locks]") {
  run_on_virtual_time([] { return notify_and_cancel(0); });
}

// CPython: locks ConditionTests.test_cancelled_wakeup_relock
TEST_CASE("a notification goes to another waiter if the notified one is cancelled in the line for the mutex",
          "[asyncio][locks]") {
  run_on_virtual_time([] { return notify_and_cancel(1); });
}

}  // namespace asyncio_locks_condition_test
