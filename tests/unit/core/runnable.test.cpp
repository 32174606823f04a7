// Tests of weft/core/runnable.hpp: entries of the ready queue and of the timers, as those who write awaiters use them.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/loop_steps.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/runnable.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace core_runnable_test {

using namespace std::chrono_literals;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

struct step final : weft::runnable {
  step() = default;
  explicit step(std::function<void()> f) : function(std::move(f)) {}
  ~step() { unlink(); }
  void run() override {
    linked_while_running = linked();
    ++runs;
    if (function) function();
  }
  void discard() noexcept override { ++discards; }
  std::function<void()> function;
  int runs = 0;
  int discards = 0;
  bool linked_while_running = false;
};

struct alarm final : weft::timer {
  alarm() = default;
  explicit alarm(std::function<void()> f) : function(std::move(f)) {}
  void run() override {
    ++runs;
    if (function) function();
  }
  void discard() noexcept override { ++discards; }
  std::function<void()> function;
  int runs = 0;
  int discards = 0;
};

static_assert(!std::is_copy_constructible_v<step> && !std::is_copy_constructible_v<alarm>);

TEST_CASE("a runnable is run once, unlinked, in the pass after it was scheduled", "[core][runnable]") {
  weft::event_loop loop;
  step s;
  loop.schedule(s);
  CHECK(s.linked());
  CHECK(s.runs == 0);
  run_one_pass(loop);
  CHECK(s.runs == 1);
  CHECK_FALSE(s.linked_while_running);
  CHECK_FALSE(s.linked());
  run_one_pass(loop);
  CHECK(s.runs == 1);
}

TEST_CASE("a runnable that schedules itself runs once a pass and allocates nothing", "[core][runnable]") {
  weft::event_loop loop;
  step s;
  s.function = [&] { loop.schedule(s); };
  loop.schedule(s);
  run_one_pass(loop);
  CHECK(s.runs == 1);
  CHECK(weft_test::allocations_in([&] {
          for (int i = 0; i < 1000; ++i) run_one_pass(loop);
        }) == 0);
  CHECK(s.runs == 1001);
}

TEST_CASE("a runnable can be taken out of the queue, also in the pass in which its turn comes", "[core][runnable]") {
  weft::event_loop loop;
  step second;
  step first([&] { second.unlink(); });
  loop.schedule(first);
  loop.schedule(second);
  run_one_pass(loop);
  CHECK(first.runs == 1);
  CHECK(second.runs == 0);
}

TEST_CASE("a whole queue can be scheduled at once", "[core][runnable]") {
  weft::event_loop loop;
  std::vector<int> order;
  step first([&] { order.push_back(1); });
  step second([&] { order.push_back(2); });
  step third([&] { order.push_back(3); });
  weft::ready_queue queue;
  queue.push_back(second);
  queue.push_back(third);
  loop.schedule(first);
  loop.schedule(queue);
  CHECK(queue.empty());
  run_one_pass(loop);
  CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("a runnable that throws is reported, and the others have their turn", "[core][runnable]") {
  weft::event_loop loop;
  std::string reported;
  loop.set_exception_handler([&](const weft::exception_context& c) { reported = c.message; });
  step first([] { throw 1; });
  step second;
  loop.schedule(first);
  loop.schedule(second);
  run_one_pass(loop);
  CHECK(reported == "Exception in callback");
  CHECK(second.runs == 1);
}

TEST_CASE("an armed timer runs in the first pass at its time", "[core][runnable]") {
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  alarm a;
  loop.arm(a, weft::time_point{2s});
  CHECK(a.in_heap());
  CHECK(loop.armed_timers() == 1);
  run_one_pass(loop);
  CHECK(a.runs == 0);
  run_until_idle(loop);
  CHECK(a.runs == 1);
  CHECK_FALSE(a.in_heap());
  CHECK(loop.time() == weft::time_point{2s});
}

TEST_CASE("a timer can be taken back while it waits and when it is due", "[core][runnable]") {
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  alarm waiting;
  alarm due;
  alarm first([&] {
    CHECK(due.linked());  // its time has come and its turn has not
    loop.disarm(due);
  });
  loop.arm(waiting, weft::time_point{9s});
  loop.arm(first, weft::time_point{1s});
  loop.arm(due, weft::time_point{1s});
  loop.disarm(waiting);
  CHECK(loop.armed_timers() == 2);
  run_until_idle(loop);
  CHECK(first.runs == 1);
  CHECK(due.runs == 0);
  CHECK(waiting.runs == 0);
  CHECK(loop.time() == weft::time_point{1s});

  loop.disarm(due);                     // neither armed nor due: nothing happens
  loop.arm(due, weft::time_point{3s});  // and it may be armed again
  run_until_idle(loop);
  CHECK(due.runs == 1);
}

TEST_CASE("arming and running timers allocates nothing once the heap has its size", "[core][runnable]") {
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  std::vector<alarm> alarms(64);
  int left = 0;
  for (alarm& a : alarms) {
    a.function = [&loop, &a, &left] {
      if (--left > 0) loop.arm(a, loop.time() + 1ms);
    };
  }
  const auto use = [&] {
    left = 5000;
    for (alarm& a : alarms) loop.arm(a, loop.time() + 1ms);
    while (loop.armed_timers() > 0) run_one_pass(loop), time.advance(1ms);
  };
  use();
  CHECK(weft_test::allocations_in(use) == 0);
}

TEST_CASE("what is left when the loop goes is discarded once and not run", "[core][runnable]") {
  step ready;
  step scheduled_by_the_last_pass;
  alarm armed;
  alarm taken_back;
  step last;
  {
    weft::event_loop loop;
    last.function = [&] { loop.schedule(scheduled_by_the_last_pass); };
    loop.schedule(last);
    run_one_pass(loop);
    loop.schedule(ready);
    loop.arm(armed, loop.time() + 1h);
    loop.arm(taken_back, loop.time() + 1h);
    loop.disarm(taken_back);
  }
  CHECK(last.discards == 0);
  CHECK(ready.discards == 1);
  CHECK(scheduled_by_the_last_pass.discards == 1);
  CHECK(armed.discards == 1);
  CHECK(taken_back.discards == 0);
  CHECK(ready.runs + scheduled_by_the_last_pass.runs + armed.runs == 0);
  CHECK_FALSE(ready.linked());
  CHECK_FALSE(armed.in_heap());
}

}  // namespace core_runnable_test
