// Tests of weft/time/sleep.hpp: how long, in which order, what is refused, and that nothing is left behind.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <new>
#include <ratio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace time_sleep_test {

using namespace std::chrono_literals;
using weft_test::census;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;
using weft_test::tracked;
using seconds = std::chrono::duration<double>;

std::int64_t now_ns() { return weft::event_loop::current().time().time_since_epoch().count(); }
std::size_t armed() { return weft::event_loop::current().armed_timers(); }

TEST_CASE("a sleep takes exactly its time on a virtual clock", "[time][sleep]") {
  run_on_virtual_time([]() -> weft::task<> {
    co_await weft::sleep_for(1h);
    CHECK(now_ns() == 3'600'000'000'000);
    co_await weft::sleep_for(1ns);
    CHECK(now_ns() == 3'600'000'000'001);
    co_await weft::sleep_until(weft::event_loop::current().time() + 5ms);
    CHECK(now_ns() == 3'600'005'000'001);
    CHECK(armed() == 0);
  });
}

TEST_CASE("a sleep counts from when it is awaited, not from when it is made, and may move before", "[time][sleep]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto later = weft::sleep_for(10ms);
    CHECK(armed() == 0);
    co_await weft::sleep_for(5ms);
    auto moved = std::move(later);
    co_await std::move(moved);
    CHECK(now_ms() == 15);
  });
}

TEST_CASE("sleepers wake in the order of their deadlines", "[time][sleep]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto sleeper = [&](int ms) -> weft::task<> {
      co_await weft::sleep_for(std::chrono::milliseconds(ms));
      log(std::to_string(now_ms()));
    };
    std::vector<weft::task_handle<>> all;
    for (int ms : {30, 10, 20, 5, 25}) all.push_back(weft::create_task(sleeper, ms));
    for (auto& t : all) co_await t;
  });
  CHECK(log.text() == "5 10 20 25 30");
}

TEST_CASE("sleepers with equal deadlines wake in the order in which they went to sleep", "[time][sleep]") {
  std::vector<int> order;
  run_on_virtual_time([&]() -> weft::task<> {
    const weft::time_point deadline = weft::event_loop::current().time() + 10ms;
    auto sleeper = [&](int i) -> weft::task<> {
      if (i % 3 == 0) co_await weft::sleep_for(1ms);  // these go to sleep later than the others
      co_await weft::sleep_until(deadline);
      order.push_back(i);
    };
    std::vector<weft::task_handle<>> all;
    for (int i = 0; i < 100; ++i) all.push_back(weft::create_task(sleeper, i));
    for (auto& t : all) co_await t;
  });
  std::vector<int> expected;
  for (int i = 0; i < 100; ++i) {
    if (i % 3 != 0) expected.push_back(i);
  }
  for (int i = 0; i < 100; i += 3) expected.push_back(i);
  CHECK(order == expected);
}

TEST_CASE("a sleep ends one pass after the one in which its deadline has come, as in asyncio", "[time][sleep]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto sleeper = [&]() -> weft::task<> {
      co_await weft::sleep_for(10ms);
      log("slept");
    };
    auto t = weft::create_task(sleeper);
    co_await weft::yield();
    weft::event_loop::current().call_later(10ms, [&] { log("callback"); });
    co_await t;
  });
  CHECK(log.text() == "callback slept");  // the timer was first, the task is queued behind the callback
}

TEST_CASE("a sleep of nothing, a negative one, or until a time gone by, is one pass and arms no timer",
          "[time][sleep]") {
  run_on_virtual_time([]() -> weft::task<> {
    co_await weft::sleep_for(5ms);
    pass_counter counter;
    co_await weft::sleep_for(0s);
    CHECK(counter.passes() == 1);
    co_await weft::sleep_for(-1h);
    CHECK(counter.passes() == 2);
    co_await weft::sleep_for(std::chrono::nanoseconds::min());
    CHECK(counter.passes() == 3);
    co_await weft::sleep_for(seconds(-0.0));
    CHECK(counter.passes() == 4);
    co_await weft::sleep_for(seconds(-std::numeric_limits<double>::infinity()));
    CHECK(counter.passes() == 5);
    co_await weft::sleep_until(weft::event_loop::current().time());
    CHECK(counter.passes() == 6);
    co_await weft::sleep_until(weft::time_point::min());
    CHECK(counter.passes() == 7);
    co_await weft::sleep_until(weft::event_loop::current().time() - 1ms);
    CHECK(counter.passes() == 8);
    CHECK(now_ms() == 5);
  });
}

TEST_CASE("a delay that is no number or too long is refused before anything happens", "[time][sleep]") {
  using limits = std::numeric_limits<double>;
  CHECK_THROWS_AS(weft::sleep_for(seconds(limits::quiet_NaN())), std::invalid_argument);
  CHECK_THROWS_AS(weft::sleep_for(std::chrono::duration<float>(std::numeric_limits<float>::quiet_NaN())),
                  std::invalid_argument);
  CHECK_THROWS_AS(weft::sleep_for(seconds(limits::infinity())), std::invalid_argument);
  CHECK_THROWS_AS(weft::sleep_for(seconds(1e300)), std::invalid_argument);
  CHECK_THROWS_AS(weft::sleep_for(seconds(9.3e9)), std::invalid_argument);
  CHECK_THROWS_AS(weft::sleep_for(std::chrono::hours::max()), std::invalid_argument);
  CHECK_THROWS_AS(weft::sleep_for(std::chrono::duration<std::uint64_t>(std::numeric_limits<std::uint64_t>::max())),
                  std::invalid_argument);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::sleep_for(1ms);
    try {
      co_await weft::sleep_for(weft::duration::max());  // its end lies beyond what the clock can say
    } catch (const std::invalid_argument&) {
      log("refused");
    }
    try {
      co_await weft::sleep_for(seconds(limits::quiet_NaN()));
    } catch (const std::invalid_argument&) {
      log("refused");
    }
    CHECK(armed() == 0);
    co_await weft::sleep_for(1ms);
    CHECK(now_ms() == 2);
  });
  CHECK(log.text() == "refused refused");
}

TEST_CASE("delays of other units and of floating point are rounded up to whole nanoseconds", "[time][sleep]") {
  run_on_virtual_time([]() -> weft::task<> {
    co_await weft::sleep_for(seconds(0.5));
    CHECK(now_ns() == 500'000'000);
    co_await weft::sleep_for(seconds(1e-12));
    CHECK(now_ns() == 500'000'001);
    co_await weft::sleep_for(std::chrono::duration<std::int64_t, std::pico>(1001));
    CHECK(now_ns() == 500'000'003);
    co_await weft::sleep_for(std::chrono::duration<float, std::milli>(0.25f));
    CHECK(now_ns() == 500'250'003);
    co_await weft::sleep_for(std::chrono::duration<unsigned, std::ratio<60>>(1));
    CHECK(now_ns() == 60'500'250'003);
  });
}

TEST_CASE("a cancelled sleep leaves no timer behind and throws in the next pass", "[time][sleep]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto sleeper = [&]() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
        log("slept");
      } catch (const weft::cancelled_error&) {
        log("cancelled");
        throw;
      }
    };
    auto a = weft::create_task(sleeper);
    auto b = weft::create_task(sleeper);
    co_await weft::yield();
    CHECK(armed() == 2);
    a.cancel();
    CHECK(armed() == 1);
    CHECK_FALSE(a.done());
    co_await weft::yield();
    CHECK(a.cancelled());
    b.cancel();
    co_await weft::yield();
    CHECK(armed() == 0);
    CHECK(now_ms() == 0);
  });
  CHECK(log.text() == "cancelled cancelled");
}

TEST_CASE("a sleep that is cancelled when its time has come is cancelled all the same", "[time][sleep]") {
  for (const bool timer_ran_first : {true, false}) {
    event_log log;
    run_on_virtual_time([&]() -> weft::task<> {
      weft::task_handle<> t;
      auto sleeper = [&]() -> weft::task<> {
        try {
          co_await weft::sleep_for(10ms);
          log("slept");
        } catch (const weft::cancelled_error&) {
          log("cancelled");
          throw;
        }
      };
      auto cancel = [&] { CHECK(t.cancel()); };
      if (!timer_ran_first) weft::event_loop::current().call_later(10ms, cancel);
      t = weft::create_task(sleeper);
      co_await weft::yield();
      if (timer_ran_first) weft::event_loop::current().call_later(10ms, cancel);
      co_await weft::sleep_for(20ms);
      CHECK(t.cancelled());
      CHECK(armed() == 0);
    });
    CHECK(log.text() == "cancelled");
  }
}

TEST_CASE("a task cancelled in the pass after its sleep ended has slept", "[time][sleep]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto sleeper = [&]() -> weft::task<> {
      co_await weft::sleep_for(10ms);
      log("slept");
      co_await weft::sleep_for(10ms);
      log("again");
    };
    auto t = weft::create_task(sleeper);
    co_await weft::yield();
    weft::event_loop::current().call_later(10ms, [&] { weft::event_loop::current().call_soon([&] { t.cancel(); }); });
    co_await weft::sleep_for(30ms);
    CHECK(t.cancelled());
  });
  CHECK(log.text() == "slept");
}

TEST_CASE("a task destroyed in its sleep, or when its time has just come, leaves nothing behind", "[time][sleep]") {
  census counts;
  bool slept = false;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    auto sleeper = [&](tracked, std::chrono::milliseconds ms) -> weft::task<> {
      co_await weft::sleep_for(ms);
      slept = true;
    };
    loop.call_later(1ms, [&] { loop.stop(); });
    loop.create_task(sleeper(tracked(counts), 1ms));   // its timer runs, the task does not
    loop.create_task(sleeper(tracked(counts), 10ms));  // its timer is armed
    loop.run_forever();
    CHECK(time.now().time_since_epoch() == 1ms);
    CHECK(counts.alive == 2);
  }
  CHECK(counts.alive == 0);
  CHECK_FALSE(slept);
}

TEST_CASE("a sleep that was awaited before is refused", "[time][sleep]") {
  int refusals = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    auto sleep = weft::sleep_for(1ms);
    auto until = weft::sleep_until(weft::event_loop::current().time() + 1ms);
    for (int i = 0; i < 3; ++i) {
      try {
        co_await std::move(sleep);
        CHECK(i == 0);
      } catch (const weft::invalid_state_error&) {
        ++refusals;
      }
    }
    auto cancelled = [&]() -> weft::task<> { co_await std::move(until); };
    auto task = weft::create_task(cancelled);
    co_await weft::yield();
    task.cancel();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(task.cancelled());
  });
  CHECK(refusals == 2);
}

TEST_CASE("many sleeps are cancelled and only those that are left hold timers", "[time][sleep]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto sleeper = [](int ms) -> weft::task<> { co_await weft::sleep_for(std::chrono::milliseconds(ms)); };
    std::vector<weft::task_handle<>> all;
    for (int i = 0; i < 1000; ++i) all.push_back(weft::create_task(sleeper, 1 + i * 7919 % 1000));
    co_await weft::yield();
    CHECK(armed() == 1000);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i % 10 != 0) all[i].cancel();
    }
    CHECK(armed() == 100);
    for (std::size_t i = 0; i < all.size(); i += 10) co_await all[i];
    CHECK(armed() == 0);
    CHECK(now_ms() <= 1000);
  });
}

TEST_CASE("a sleep allocates nothing once the timer heap has its size", "[time][sleep]") {
  std::uint64_t allocated = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::sleep_for(1ms);
    const std::uint64_t before = weft_test::allocations();
    for (int i = 0; i < 100; ++i) co_await weft::sleep_for(1ms);
    for (int i = 0; i < 100; ++i) co_await weft::sleep_for(0ms);
    co_await weft::sleep_until(weft::event_loop::current().time() + 1ms);
    allocated = weft_test::allocations() - before;
  });
  CHECK(allocated == 0);
}

TEST_CASE("a sleep for which the timer heap finds no memory throws std::bad_alloc, and the task goes on",
          "[time][sleep]") {
  if (!weft_test::counts_allocations) return;
  bool caught = false;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      const weft_test::out_of_memory none;
      try {
        co_await weft::sleep_for(1ms);  // the loop's first timer
      } catch (const std::bad_alloc&) {
        caught = true;
      }
    }
    CHECK(armed() == 0);
    co_await weft::sleep_for(2ms);
    CHECK(now_ms() == 2);
  });
  CHECK(caught);
}

TEST_CASE("on the real clock a sleep is never early", "[time][sleep]") {
  const weft_test::time_limit limit(20);
  int early = 0;
  auto body = [&]() -> weft::task<> {
    using clock = std::chrono::steady_clock;
    for (const std::chrono::nanoseconds delay :
         {1ns, 999ns, 1000ns, 70'000ns, 1'000'000ns, 1'500'001ns, 20'000'000ns}) {
      const clock::time_point start = clock::now();
      co_await weft::sleep_for(delay);
      if (clock::now() - start < delay) ++early;
      const weft::time_point deadline = weft::event_loop::current().time() + delay;
      co_await weft::sleep_until(deadline);
      if (weft::event_loop::current().time() < deadline) ++early;
    }
    const clock::time_point start = clock::now();
    co_await weft::sleep_for(std::chrono::duration<double, std::milli>(1.25));
    if (clock::now() - start < 1250us) ++early;
  };
  weft::run(body);
  CHECK(early == 0);
}

}  // namespace time_sleep_test
