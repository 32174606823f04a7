// Tests of weft/core/shutdown_hooks.hpp, and of shut_down() in run.hpp: what is closed at the end of run(), and when.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/shutdown_hooks.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <stdexcept>

namespace core_shutdown_hooks_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;

// What the hooks of a test close, on the loop.
struct open_things {
  event_log* log = nullptr;
  int left = 0;
};

weft::task<> sleeps(event_log& log) {
  const says_goodbye guard(log, "task");
  co_await weft::sleep_for(1h);
}

weft::task<> close_one(open_things& things) {
  --things.left;
  co_await weft::sleep_for(10ms);
  (*things.log)("closed");
}

weft::task<> close_things(weft::event_loop& loop) {
  auto& things = loop.local<open_things>();
  return things.left == 0 ? weft::task<>() : close_one(things);
}

void open(event_log& log, int how_many) {
  weft::event_loop& loop = weft::event_loop::current();
  loop.local<open_things>().log = &log;
  loop.local<open_things>().left = how_many;
  loop.local<weft::shutdown_hooks>().add(close_things);
}

TEST_CASE("hooks run when the tasks have ended, and again until nothing is left", "[core][shutdown_hooks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    open(log, 2);
    open(log, 2);
    CHECK(weft::event_loop::current().local<weft::shutdown_hooks>().all().size() == 1);
    weft::create_task(sleeps(log));
    co_await weft::sleep_for(1ms);
    log("main");
  });
  CHECK(log.text() == "main task closed closed");
}

TEST_CASE("hooks run after a main task that has failed, whose exception stays the one that run() throws",
          "[core][shutdown_hooks]") {
  event_log log;
  const auto fails = [&]() -> weft::task<> {
    open(log, 1);
    co_await weft::sleep_for(1ms);
    throw std::runtime_error("broken");
  };
  CHECK_THROWS_WITH(run_on_virtual_time(fails), "broken");
  CHECK(log.text() == "closed");
}

weft::task<> fails_to_close(weft::event_loop&) { throw std::runtime_error("cannot close"); }

TEST_CASE("what a hook throws is thrown by run()", "[core][shutdown_hooks]") {
  const auto body = []() -> weft::task<> {
    weft::event_loop::current().local<weft::shutdown_hooks>().add(fails_to_close);
    co_return;
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), "cannot close");
}

weft::task<> start_one(open_things& things) {
  --things.left;
  weft::create_task(sleeps(*things.log));
  co_await weft::sleep_for(1ms);
  (*things.log)("hook");
}

weft::task<> start_things(weft::event_loop& loop) {
  auto& things = loop.local<open_things>();
  return things.left == 0 ? weft::task<>() : start_one(things);
}

TEST_CASE("tasks that a hook starts are ended, too", "[core][shutdown_hooks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::event_loop& loop = weft::event_loop::current();
    loop.local<open_things>().log = &log;
    loop.local<open_things>().left = 1;
    loop.local<weft::shutdown_hooks>().add(start_things);
    co_return;
  });
  CHECK(log.text() == "hook task");
}

weft::task<> always_more(weft::event_loop&) { co_return; }

TEST_CASE("a hook that never comes to an end is an error on a virtual clock", "[core][shutdown_hooks]") {
  weft::virtual_clock time(/*pass_limit=*/1000);
  const auto body = []() -> weft::task<> {
    weft::event_loop::current().local<weft::shutdown_hooks>().add(always_more);
    co_return;
  };
  CHECK_THROWS_AS(weft::run(body(), {.clock = &time}), weft::livelock_error);
}

}  // namespace core_shutdown_hooks_test
