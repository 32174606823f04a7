// Tests of weft/sync/yield.hpp: one pass, the others' turn, and what a cancellation finds there.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>

#include <cstdint>
#include <string>

namespace sync_yield_test {

using weft_test::census;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

TEST_CASE("yield takes one pass", "[sync][yield]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft_test::pass_counter counter;
    for (int i = 1; i <= 5; ++i) {
      co_await weft::yield();
      CHECK(counter.passes() == i);
    }
  });
}

TEST_CASE("tasks that yield take turns in their order", "[sync][yield]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto turns = [&](std::string name) -> weft::task<> {
      for (int i = 0; i < 3; ++i) {
        log(name + std::to_string(i));
        co_await weft::yield();
      }
    };
    auto a = weft::create_task(turns, std::string("a"));
    auto b = weft::create_task(turns, std::string("b"));
    weft::event_loop::current().call_soon([&] { log("callback"); });
    co_await a;
    co_await b;
  });
  CHECK(log.text() == "a0 b0 callback a1 b1 a2 b2");
}

TEST_CASE("a yield that was made and not awaited does nothing, and may be awaited later", "[sync][yield]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft_test::pass_counter counter;
    auto later = weft::yield();
    CHECK(counter.passes() == 0);
    co_await std::move(later);
    CHECK(counter.passes() == 1);
  });
}

TEST_CASE("a task cancelled while it yields is cancelled when its turn comes, not earlier", "[sync][yield]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<> {
      try {
        co_await weft::yield();
        log("yielded");
      } catch (const weft::cancelled_error&) {
        log("cancelled");
        throw;
      }
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    weft::event_loop::current().call_soon([&] { log("behind"); });
    co_await weft::yield();
    CHECK(t.cancelled());
  });
  CHECK(log.text() == "cancelled behind");
}

TEST_CASE("a task destroyed between two yields is destroyed once, and does not run again", "[sync][yield]") {
  census counts;
  int rounds = 0;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    auto body = [&](tracked) -> weft::task<> {
      for (;;) {
        ++rounds;
        co_await weft::yield();
      }
    };
    loop.create_task(body(tracked(counts)));
    for (int i = 0; i < 3; ++i) weft_test::run_one_pass(loop);
    CHECK(counts.alive == 1);
  }
  CHECK(rounds == 3);
  CHECK(counts.alive == 0);
}

TEST_CASE("polling with yield for what never comes is an error on a virtual clock, not a hang", "[sync][yield]") {
  auto body = []() -> weft::task<> {
    for (;;) co_await weft::yield();
  };
  weft::virtual_clock time(/*pass_limit=*/1000);
  CHECK_THROWS_AS(weft::run(body(), {.clock = &time}), weft::livelock_error);
}

TEST_CASE("yield allocates nothing", "[sync][yield]") {
  std::uint64_t allocated = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const std::uint64_t before = weft_test::allocations();
    for (int i = 0; i < 100; ++i) co_await weft::yield();
    allocated = weft_test::allocations() - before;
  });
  CHECK(allocated == 0);
}

}  // namespace sync_yield_test
