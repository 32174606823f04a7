// CPython's tests of asyncio.Event, for weft/sync/event.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>

#include <string>

namespace asyncio_locks_event_test {

using weft_test::event_log;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

weft::task<> wait_and_log(weft::event& e, event_log& log, std::string name) {
  co_await e.wait();
  log(name);
}

// CPython: locks EventTests.test_wait
TEST_CASE("an event that is set wakes all who wait, behind those who were ready before", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event e;
    event_log log;
    CHECK_FALSE(e.is_set());
    const auto first = weft::create_task(wait_and_log(e, log, "1"));
    const auto second = weft::create_task(wait_and_log(e, log, "2"));
    co_await weft::yield();
    CHECK(log.text().empty());
    const auto third = weft::create_task(wait_and_log(e, log, "3"));
    e.set();
    co_await weft::yield();
    CHECK(log.text() == "3 1 2");
    CHECK(first.done());
    CHECK(second.done());
    CHECK(third.done());
  });
}

// CPython: locks EventTests.test_wait_on_set
TEST_CASE("waiting for an event that is set takes no pass", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event e;
    pass_counter counter;
    e.set();
    co_await e.wait();
    CHECK(counter.passes() == 0);
  });
}

// CPython: locks EventTests.test_wait_cancel
TEST_CASE("a cancelled wait for an event leaves nothing behind", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event e;
    event_log log;
    const auto waiter = weft::create_task(wait_and_log(e, log, "waited"));
    weft::event_loop::current().call_soon([&] { waiter.cancel(); });
    const auto end = co_await weft::outcome_of(waiter);
    CHECK(end.cancelled());
    CHECK(e.waiters() == 0);
    e.set();
    co_await weft::yield();
    CHECK(log.text().empty());
  });
}

// CPython: locks EventTests.test_clear
TEST_CASE("an event is set until it is cleared", "[asyncio][locks]") {
  weft::event e;
  CHECK_FALSE(e.is_set());
  e.set();
  CHECK(e.is_set());
  e.clear();
  CHECK_FALSE(e.is_set());
}

// CPython: locks EventTests.test_clear_with_waiters
TEST_CASE("an event that is set and cleared at once wakes those who wait, and once", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event e;
    event_log log;
    const auto waiter = weft::create_task(wait_and_log(e, log, "woken"));
    co_await weft::yield();
    CHECK(e.waiters() == 1);
    e.set();
    e.clear();
    CHECK_FALSE(e.is_set());
    e.set();
    e.set();
    CHECK(log.text().empty());
    co_await weft::yield();
    CHECK(log.text() == "woken");
    CHECK(e.waiters() == 0);
    CHECK(waiter.done());
  });
}

}  // namespace asyncio_locks_event_test
