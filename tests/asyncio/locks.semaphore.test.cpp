// CPython's tests of asyncio.Semaphore and BoundedSemaphore, for weft/sync/semaphore.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/awaitable.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/task_group.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/wait_for.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

namespace asyncio_locks_semaphore_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

// Takes a permit for good: the test releases it.
weft::task<> take(weft::semaphore& s) {
  auto permit = co_await s.acquire();
  permit.release();
}
weft::task<> take_and_log(weft::semaphore& s, event_log& log, std::string name) {
  co_await take(s);
  log(name);
}

// CPython: locks SemaphoreTests.test_initial_value_zero
TEST_CASE("a semaphore may start without permits and is locked then", "[asyncio][locks]") {
  const weft::semaphore s(0);
  CHECK(s.locked());
  CHECK(s.value() == 0);
}

// CPython: locks SemaphoreTests.test_semaphore
TEST_CASE("a semaphore has one permit by default; it cannot be awaited itself, and acquire() waits to be",
          "[asyncio][locks]") {
  STATIC_REQUIRE_FALSE(weft::awaitable<weft::semaphore&>);
  weft::semaphore s;
  { [[maybe_unused]] const auto unawaited = s.acquire(); }
  CHECK(s.value() == 1);
  CHECK_FALSE(s.locked());
}

// CPython: locks SemaphoreTests.test_semaphore_value
TEST_CASE("a semaphore refuses a negative number of permits", "[asyncio][locks]") {
  CHECK_THROWS_AS(weft::semaphore(-1), std::invalid_argument);
  CHECK_THROWS_AS(weft::bounded_semaphore(-1), std::invalid_argument);
}

// CPython: locks SemaphoreTests.test_acquire
TEST_CASE("two releases of a semaphore let the two in that wait longest, not one who comes meanwhile",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::semaphore s(3);
    event_log log;
    pass_counter counter;
    co_await take(s);
    co_await take(s);
    CHECK(counter.passes() == 0);
    CHECK_FALSE(s.locked());
    const auto first = weft::create_task(take_and_log(s, log, "1"));
    const auto second = weft::create_task(take_and_log(s, log, "2"));
    const auto third = weft::create_task(take_and_log(s, log, "3"));
    co_await weft::yield();
    CHECK(log.text() == "1");
    CHECK(s.locked());
    CHECK(s.waiters() == 2);
    const auto fourth = weft::create_task(take_and_log(s, log, "4"));
    s.release();
    s.release();
    CHECK(s.value() == 0);  // both are promised
    co_await weft::yield();
    CHECK(log.text() == "1 2 3");
    CHECK(s.value() == 0);
    CHECK(s.locked());
    CHECK(s.waiters() == 1);
    s.release();
    co_await weft::gather(first, second, third, fourth);
    CHECK(log.text() == "1 2 3 4");
  });
}

// CPython: locks SemaphoreTests.test_acquire_cancel
TEST_CASE("a cancelled waiter for a semaphore leaves the line", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::semaphore s;
    co_await take(s);
    const auto waiter = weft::create_task(take(s));
    weft::event_loop::current().call_soon([&] { waiter.cancel(); });
    const auto end = co_await weft::outcome_of(waiter);
    CHECK(end.cancelled());
    CHECK(s.waiters() == 0);
    s.release();
    CHECK(s.value() == 1);
    CHECK_FALSE(s.locked());
  });
}

// CPython: locks SemaphoreTests.test_acquire_cancel_before_awoken
TEST_CASE("a release goes to the first waiter of a semaphore that is not cancelled, and to no other",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::semaphore s(0);
    const auto first = weft::create_task(take(s));
    const auto second = weft::create_task(take(s));
    const auto third = weft::create_task(take(s));
    const auto fourth = weft::create_task(take(s));
    co_await weft::yield();
    first.cancel();
    second.cancel();
    s.release();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(first.cancelled());
    CHECK(second.cancelled());
    CHECK(third.done());
    CHECK_FALSE(third.cancelled());
    CHECK_FALSE(fourth.done());
    CHECK(s.waiters() == 1);
    fourth.cancel();
    co_await weft::yield();
    CHECK(fourth.cancelled());
  });
}

// CPython: locks SemaphoreTests.test_acquire_hang
TEST_CASE("a semaphore's waiter is not left hanging when the one before is cancelled at the release",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::semaphore s(0);
    const auto first = weft::create_task(take(s));
    const auto second = weft::create_task(take(s));
    co_await weft::yield();
    const bool release_comes_first = GENERATE(false, true);
    CAPTURE(release_comes_first);
    if (release_comes_first) s.release();
    first.cancel();
    if (!release_comes_first) s.release();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(first.cancelled());
    CHECK(second.done());
    CHECK(s.locked());
    CHECK(s.value() == 0);
  });
}

// CPython: locks SemaphoreTests.test_acquire_no_hang
TEST_CASE("a task that is cancelled when it has been given a permit gives it back", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::semaphore s(1);
    bool entered = false;
    weft::task_handle<> second;
    auto hold_and_cancel_second = [&]() -> weft::task<> {
      {
        const auto permit = co_await s.acquire();
        co_await weft::yield();
      }
      second.cancel();
    };
    auto enter = [&]() -> weft::task<> {
      const auto permit = co_await s.acquire();
      entered = true;
    };
    const auto first = weft::create_task(hold_and_cancel_second);
    second = weft::create_task(enter);
    const auto [end_of_first, end_of_second] = co_await weft::gather_outcomes(first, second);
    CHECK(end_of_first.has_value());
    CHECK(end_of_second.cancelled());
    CHECK_FALSE(entered);
    const auto permit = co_await weft::wait_for(s.acquire(), 1s);
    CHECK(permit);
    CHECK(now_ms() == 0);
  });
}

// CPython: locks SemaphoreTests.test_release_not_acquired
TEST_CASE("a bounded semaphore refuses a release without an acquire, a plain one takes it", "[asyncio][locks]") {
  weft::bounded_semaphore bounded;
  CHECK_THROWS_AS(bounded.release(), std::invalid_argument);
  CHECK(bounded.value() == 1);
  weft::semaphore plain;
  plain.release();
  CHECK(plain.value() == 2);
}

// CPython: locks SemaphoreTests.test_release_no_waiters
TEST_CASE("releasing a semaphore that nobody waits for leaves the permit free", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::semaphore s;
    auto permit = co_await s.acquire();
    CHECK(s.locked());
    permit.give_back();
    CHECK_FALSE(s.locked());
  });
}

// CPython: locks SemaphoreTests.test_acquire_fifo_order
TEST_CASE("tasks that take a semaphore again and again take turns", "[asyncio][locks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::semaphore s(1);
    auto two_turns = [&](std::string name) -> weft::task<> {
      for (const char* turn : {"1", "2"}) {
        const auto permit = co_await s.acquire();
        log(name + turn);
        co_await weft::sleep_for(10ms);
      }
    };
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      group.create_task(two_turns, "a");
      group.create_task(two_turns, "b");
      group.create_task(two_turns, "c");
      co_return;
    });
    CHECK(now_ms() == 60);
  });
  CHECK(log.text() == "a1 b1 c1 a2 b2 c2");
}

// CPython: locks SemaphoreTests.test_acquire_fifo_order_2
TEST_CASE("who releases a semaphore and asks again waits behind one who has been woken", "[asyncio][locks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::semaphore s(1);
    auto takes_twice = [&]() -> weft::task<> {
      co_await take_and_log(s, log, "2");
      s.release();
      co_await take_and_log(s, log, "4");
    };
    const auto first = weft::create_task(take_and_log(s, log, "1"));
    const auto second = weft::create_task(takes_twice);
    const auto third = weft::create_task(take_and_log(s, log, "3"));
    co_await weft::yield();
    s.release();
    s.release();
    co_await weft::gather(first, second, third);
  });
  CHECK(log.text() == "1 2 3 4");
}

// CPython: locks SemaphoreTests.test_acquire_fifo_order_3
TEST_CASE("those behind a cancelled waiter of a semaphore get their permits in order", "[asyncio][locks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::semaphore s(0);
    const auto first = weft::create_task(take_and_log(s, log, "1"));
    const auto second = weft::create_task(take_and_log(s, log, "2"));
    const auto third = weft::create_task(take_and_log(s, log, "3"));
    co_await weft::yield();
    first.cancel();
    co_await weft::yield();
    s.release();
    s.release();
    co_await weft::gather_outcomes(first, second, third);
    CHECK(first.cancelled());
  });
  CHECK(log.text() == "2 3");
}

// CPython: locks SemaphoreTests.test_acquire_fifo_order_4
TEST_CASE("the first who resumes wakes those for whom permits came while they stood in line", "[asyncio][locks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::semaphore s(0);
    weft::task_handle<> fourth;
    auto says_four = [&]() -> weft::task<> {
      log("4");
      co_return;
    };
    auto wakes_the_others = [&]() -> weft::task<> {
      co_await take(s);
      CHECK(s.value() == 0);  // the two others have been woken, so they run before the fourth
      fourth = weft::create_task(says_four);
      log("1");
    };
    auto releases_three = [&]() -> weft::task<> {
      for (int i = 0; i < 3; ++i) s.release();
      CHECK(s.value() == 2);  // the first is on its way with one
      CHECK(s.locked());
      co_await take_and_log(s, log, "2");
    };
    const auto first = weft::create_task(wakes_the_others);
    const auto second = weft::create_task(releases_three);
    const auto third = weft::create_task(take_and_log(s, log, "3"));
    co_await weft::yield();
    CHECK(s.value() == 2);
    CHECK(s.waiters() == 2);  // and one has been woken
    co_await weft::yield();
    co_await weft::gather(first, second, third, fourth);
  });
  CHECK(log.text() == "1 2 3 4");
}

}  // namespace asyncio_locks_semaphore_test
