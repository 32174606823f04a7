// Tests of weft/core/event_loop.hpp: the order of a pass, timers, stopping, errors, deadlocks.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/loop_steps.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/time_limit.hpp"
#include "support/witness.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace core_event_loop_test {

using namespace std::chrono_literals;
using weft::duration;
using weft::interest;
using weft::time_point;
using weft_test::channel;
using weft_test::contains;
using weft_test::loop_on_virtual_time;
using weft_test::run_one_pass;
using weft_test::run_until_idle;
using weft_test::words;

// A runnable that calls a function each time.
struct action final : weft::runnable {
  explicit action(std::function<void()> f) : function(std::move(f)) {}
  ~action() { unlink(); }
  void run() override { function(); }
  std::function<void()> function;
};

// ---- the order of a pass ----

TEST_CASE_METHOD(loop_on_virtual_time, "callbacks run in the order in which they were queued", "[core][event_loop]") {
  words ran;
  for (const char* name : {"a", "b", "c"}) loop.call_soon([&ran, name] { ran.emplace_back(name); });
  run_one_pass(loop);
  CHECK(ran == words{"a", "b", "c"});
}

TEST_CASE_METHOD(loop_on_virtual_time, "what is queued during a pass runs in the next one", "[core][event_loop]") {
  words ran;
  loop.call_soon([&] {
    ran.emplace_back("first");
    loop.call_soon([&] { ran.emplace_back("queued by first"); });
    loop.call_later(0s, [&] { ran.emplace_back("timer of first"); });
  });
  loop.call_soon([&] { ran.emplace_back("second"); });
  run_one_pass(loop);
  CHECK(ran == words{"first", "second"});
  ran.clear();
  run_one_pass(loop);
  CHECK(ran == words{"queued by first", "timer of first"});
}

TEST_CASE_METHOD(loop_on_virtual_time, "a chain of callbacks takes a pass each", "[core][event_loop]") {
  int left = 100;
  std::function<void()> next = [&] {
    if (--left > 0) loop.call_soon(next);
  };
  loop.call_soon(next);
  for (int passes = 0; passes < 100; ++passes) {
    CHECK(left == 100 - passes);
    run_one_pass(loop);
  }
  CHECK(left == 0);
}

TEST_CASE("a pass runs what was queued and posted, in that order, then I/O, then timers", "[core][event_loop]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const auto poller = weft_test::make_poller(name);
  weft::event_loop loop({.poller = poller.get()});
  words ran;
  const channel p;
  p.send();
  action on_ready([&] {
    ran.emplace_back("I/O");
    loop.unwatch(p.reader.get());
  });
  loop.call_at(loop.time(), [&] { ran.emplace_back("timer"); });
  loop.remote().call_soon_threadsafe([&] { ran.emplace_back("post"); });
  loop.watch(p.reader.get(), interest::read, on_ready);
  loop.call_soon([&] { ran.emplace_back("queued"); });
  run_one_pass(loop);
  CHECK(ran == words{"post", "queued", "I/O", "timer"});
}

// ---- timers ----

TEST_CASE_METHOD(loop_on_virtual_time, "timers run in the order of their deadlines, equal ones in that of their making",
                 "[core][event_loop]") {
  words ran;
  const auto note = [&](const char* what) { ran.emplace_back(what); };
  loop.call_later(20ms, note, "20");
  loop.call_later(10ms, note, "10 a");
  loop.call_at(time_point{10ms}, note, "10 b");
  loop.call_later(0.005s, note, "5");
  loop.call_later(10ms, note, "10 c");
  run_until_idle(loop);
  CHECK(ran == words{"5", "10 a", "10 b", "10 c", "20"});
  CHECK(loop.time() == time_point{20ms});
}

TEST_CASE_METHOD(loop_on_virtual_time, "timers that are due together run in one pass, others in one each",
                 "[core][event_loop]") {
  std::vector<int> pass_of;
  int passes = 0;
  action count([&] {
    ++passes;
    if (loop.armed_timers() > 0) loop.schedule(count);
  });
  for (const auto delay : {1ms, 1ms, 2ms}) loop.call_later(delay, [&] { pass_of.push_back(passes); });
  loop.call_later(1ms, [&] { loop.schedule(count); });
  time.advance(1ms);
  run_one_pass(loop);
  CHECK(pass_of.size() == 2);
  time.advance(1ms);
  run_one_pass(loop);
  CHECK(pass_of == std::vector{0, 0, 1});
}

TEST_CASE_METHOD(loop_on_virtual_time, "a delay that is not positive means the next pass, after what is queued",
                 "[core][event_loop]") {
  words ran;
  time.advance(1h);
  loop.call_later(0s, [&] { ran.emplace_back("zero"); });
  loop.call_later(-5s, [&] { ran.emplace_back("negative"); });
  loop.call_at(time_point{1min}, [&] { ran.emplace_back("long ago"); });
  loop.call_later(std::chrono::duration<double>(-std::numeric_limits<double>::infinity()),
                  [&] { ran.emplace_back("for ever ago"); });
  loop.call_soon([&] { ran.emplace_back("queued"); });
  run_one_pass(loop);
  CHECK(ran == words{"queued", "for ever ago", "long ago", "negative", "zero"});
  CHECK(loop.time() == time_point{1h});
}

TEST_CASE_METHOD(loop_on_virtual_time, "a delay that is no number or too long is refused, and nothing is armed",
                 "[core][event_loop]") {
  using seconds = std::chrono::duration<double>;
  bool called = false;
  const auto call = [&] { called = true; };
  time.advance(1h);
  CHECK_THROWS_AS(loop.call_later(seconds(std::numeric_limits<double>::quiet_NaN()), call), std::invalid_argument);
  CHECK_THROWS_AS(loop.call_later(seconds(std::numeric_limits<double>::infinity()), call), std::invalid_argument);
  CHECK_THROWS_AS(loop.call_later(std::chrono::hours::max(), call), std::invalid_argument);
  CHECK_THROWS_AS(loop.call_later(duration::max(), call), std::invalid_argument);
  CHECK(loop.armed_timers() == 0);
  run_until_idle(loop);
  CHECK_FALSE(called);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a timer whose time comes during a pass waits for the next one",
                 "[core][event_loop]") {
  words ran;
  loop.call_later(5ms, [&] { ran.emplace_back("timer"); });
  loop.call_soon([&] {
    time.advance(10ms);
    loop.call_soon([&] { ran.emplace_back("queued"); });
  });
  run_one_pass(loop);
  CHECK(ran.empty());
  run_one_pass(loop);
  CHECK(ran == words{"queued", "timer"});
}

TEST_CASE_METHOD(loop_on_virtual_time, "callbacks that queue themselves for ever do not keep timers waiting",
                 "[core][event_loop]") {
  bool fired = false;
  std::function<void()> busy = [&] {
    time.advance(1us);
    if (!fired) loop.call_soon(busy);
  };
  loop.call_soon(busy);
  loop.call_later(1ms, [&] { fired = true; });
  run_until_idle(loop);
  CHECK(fired);
  CHECK(loop.time() < time_point{2ms});
}

TEST_CASE("on the real clock no timer is early, on any poller", "[core][event_loop]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  const auto poller = weft_test::make_poller(name);
  weft::event_loop loop({.poller = poller.get()});
  int early = 0;
  int fired = 0;
  for (int i = 0; i < 60; ++i) {
    const duration delay = 137us * i + 1ns;
    const auto start = std::chrono::steady_clock::now();
    loop.call_later(delay, [&, delay, start] {
      early += std::chrono::steady_clock::now() < start + delay;
      ++fired;
    });
  }
  run_until_idle(loop);
  CHECK(fired == 60);
  CHECK(early == 0);
}

TEST_CASE("a signal that ends the system call does not end the wait", "[core][event_loop]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  struct sigaction action {};
  struct sigaction former {};
  action.sa_handler = [](int) {};  // without SA_RESTART
  ::sigemptyset(&action.sa_mask);
  REQUIRE(::sigaction(SIGVTALRM, &action, &former) == 0);

  const auto poller = weft_test::make_poller(name);
  weft::event_loop loop({.poller = poller.get()});
  std::thread sender([waiting = ::pthread_self()] {
    for (int i = 0; i < 5; ++i) {
      std::this_thread::sleep_for(4ms);
      ::pthread_kill(waiting, SIGVTALRM);
    }
  });
  const auto start = std::chrono::steady_clock::now();
  duration taken{};
  loop.call_later(50ms, [&] { taken = std::chrono::steady_clock::now() - start; });
  run_until_idle(loop);
  sender.join();
  ::sigaction(SIGVTALRM, &former, nullptr);
  CHECK(taken >= 50ms);
}

// ---- running and stopping ----

TEST_CASE_METHOD(loop_on_virtual_time, "a loop that is stopped before it runs makes one pass and does not wait",
                 "[core][event_loop]") {
  words ran;
  loop.call_soon([&] {
    ran.emplace_back("first pass");
    loop.call_soon([&] { ran.emplace_back("second pass"); });
  });
  loop.call_later(1h, [&] { ran.emplace_back("timer"); });
  loop.stop();
  loop.run_forever();
  CHECK(ran == words{"first pass"});
  run_one_pass(loop);
  run_one_pass(loop);  // with nothing to do it does not wait either, and it is no deadlock
  CHECK(ran == words{"first pass", "second pass"});
  CHECK(loop.time() == time_point{});
}

TEST_CASE_METHOD(loop_on_virtual_time, "stop() lets the pass end, and a later run goes on where it was",
                 "[core][event_loop]") {
  words ran;
  loop.call_soon([&] {
    loop.stop();
    loop.call_soon([&] { ran.emplace_back("next pass"); });
  });
  loop.call_soon([&] { ran.emplace_back("same pass"); });
  loop.run_forever();
  CHECK(ran == words{"same pass"});
  CHECK_FALSE(loop.is_running());
  run_until_idle(loop);
  CHECK(ran == words{"same pass", "next pass"});
}

TEST_CASE_METHOD(loop_on_virtual_time, "the running loop is known while it runs and no longer", "[core][event_loop]") {
  CHECK_FALSE(loop.is_running());
  CHECK(weft::event_loop::current_or_null() == nullptr);
  CHECK_THROWS_AS(weft::event_loop::current(), weft::usage_error);
  CHECK_THROWS_WITH(weft::event_loop::current(), contains("weft::run()"));
  loop.call_soon([&] {
    CHECK(loop.is_running());
    CHECK(&weft::event_loop::current() == &loop);
    std::thread([] { CHECK(weft::event_loop::current_or_null() == nullptr); }).join();
  });
  run_one_pass(loop);
  CHECK(weft::event_loop::current_or_null() == nullptr);
  CHECK_FALSE(loop.is_running());
  CHECK_FALSE(loop.is_closed());
}

TEST_CASE_METHOD(loop_on_virtual_time, "a loop cannot run inside a running loop", "[core][event_loop]") {
  weft::event_loop other;
  int calls = 0;
  loop.call_soon([&] {
    CHECK_THROWS_AS(loop.run_forever(), weft::usage_error);
    CHECK_THROWS_AS(other.run_forever(), weft::usage_error);
    CHECK(&weft::event_loop::current() == &loop);
    CHECK_FALSE(other.is_running());
    loop.call_soon([&] { ++calls; });
  });
  run_until_idle(loop);
  CHECK(calls == 1);  // the outer one goes on
  other.call_soon([&] { ++calls; });
  run_until_idle(other);
  CHECK(calls == 2);
}

TEST_CASE("calls from another thread than the loop's are refused and change nothing", "[core][event_loop]") {
  const weft_test::time_limit limit;
  weft::event_loop loop;
  int called = 0;
  const channel p;
  action on_ready([] {});
  loop.call_soon([&] {
    std::thread([&] {
      const auto call = [&] { ++called; };
      CHECK_THROWS_AS(loop.call_soon(call), weft::usage_error);
      CHECK_THROWS_WITH(loop.call_soon(call), contains("call_soon_threadsafe"));
      CHECK_THROWS_AS(loop.call_later(0s, call), weft::usage_error);
      CHECK_THROWS_AS(loop.call_at(time_point{}, call), weft::usage_error);
      CHECK_THROWS_AS(loop.watch(p.reader.get(), interest::read, on_ready), weft::usage_error);
      CHECK_THROWS_AS(loop.run_forever(), weft::usage_error);
      CHECK_THROWS_AS(loop.create_task([]() -> weft::task<> { co_return; }()), weft::usage_error);
    }).join();
  });
  run_until_idle(loop);
  CHECK(called == 0);
  CHECK(loop.tenants().empty());
}

// ---- exceptions ----

TEST_CASE_METHOD(loop_on_virtual_time, "a callback that throws is reported, and the loop goes on",
                 "[core][event_loop]") {
  words reported;
  words ran;
  loop.set_exception_handler([&](const weft::exception_context& c) {
    CHECK(c.message == "Exception in callback");
    CHECK(c.task.empty());
    CHECK(&weft::event_loop::current() == &loop);
    try {
      std::rethrow_exception(c.exception);
    } catch (const std::exception& e) {
      reported.emplace_back(e.what());
    } catch (const weft::cancelled_error&) {
      reported.emplace_back("cancelled");
    } catch (...) {
      reported.emplace_back("something");
    }
  });
  loop.call_soon([] { throw std::runtime_error("broken"); });
  loop.call_soon([] { throw 7; });
  loop.call_later(1ms, [] { throw weft::cancelled_error(); });
  loop.call_soon([&] { ran.emplace_back("after"); });
  run_until_idle(loop);
  CHECK(reported == words{"broken", "something", "cancelled"});
  CHECK(ran == words{"after"});
}

TEST_CASE_METHOD(loop_on_virtual_time, "the handler may use the loop", "[core][event_loop]") {
  words ran;
  loop.set_exception_handler([&](const weft::exception_context&) {
    loop.call_soon([&] { ran.emplace_back("queued by the handler"); });
    loop.stop();
  });
  loop.call_soon([] { throw 1; });
  loop.run_forever();
  CHECK(ran.empty());
  run_until_idle(loop);
  CHECK(ran == words{"queued by the handler"});
}

TEST_CASE("what a poller throws leaves run_forever, and the loop is whole afterwards", "[core][event_loop]") {
  struct failing final : weft::poller {
    bool watch(int, interest) override { return true; }
    bool forget(int) noexcept override { return true; }
    void wait(duration, std::vector<weft::ready_event>&) override {
      if (fails) throw std::system_error(EBADF, std::generic_category(), "poll");
      std::this_thread::sleep_for(1ms);
    }
    bool fails = true;
  } poller;
  weft::event_loop loop({.poller = &poller});
  int calls = 0;
  loop.call_later(1ms, [&] { ++calls; });
  CHECK_THROWS_AS(loop.run_forever(), std::system_error);
  CHECK_FALSE(loop.is_running());
  CHECK(weft::event_loop::current_or_null() == nullptr);
  CHECK(calls == 0);
  poller.fails = false;
  run_until_idle(loop);
  CHECK(calls == 1);
}

// ---- deadlock and livelock ----

TEST_CASE("a loop with nothing to wait for reports a deadlock, as often as it is run", "[core][event_loop]") {
  const weft_test::time_limit limit;
  weft::event_loop loop;
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  CHECK_THROWS_WITH(loop.run_forever(), contains("deadlock") && contains("wait for ever"));
  CHECK_FALSE(loop.is_running());
  int calls = 0;
  loop.call_soon([&] { ++calls; });
  loop.call_later(1ms, [&] { ++calls; }).cancel();
  loop.call_later(1ms, [&] { ++calls; });
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  CHECK(calls == 2);
  loop.call_soon([&] { loop.stop(); });
  CHECK_NOTHROW(loop.run_forever());
}

weft::task<> wait_for_each_other(const weft::task_handle<>& other) { co_await other; }

TEST_CASE_METHOD(loop_on_virtual_time, "a deadlock report says who waits for what, and where", "[core][event_loop]") {
  weft::task_handle<> egg;
  weft::task_handle<> hen;
  hen = loop.create_task(wait_for_each_other(egg), "hen");
  egg = loop.create_task(wait_for_each_other(hen), "egg");
  const auto finished = loop.create_task([]() -> weft::task<> { co_return; }(), "done");
  try {
    loop.run_forever();
    FAIL("no deadlock");
  } catch (const weft::deadlock_error& e) {
    const std::string report = e.what();
    CAPTURE(report);
    CHECK_THAT(report, contains("task 'hen', "));
    CHECK_THAT(report, contains("waits for task 'egg'"));
    CHECK_THAT(report, contains("task 'egg', "));
    CHECK_THAT(report, contains("waits for task 'hen'"));
    CHECK_THAT(report, contains("event_loop.test.cpp:"));
    CHECK_THAT(report, contains("wait_for_each_other"));
    CHECK_THAT(report, !contains("'done'"));
    CHECK(report.find("task 'hen', ") < report.find("task 'egg', "));
  }
  hen.cancel();
  run_until_idle(loop);
  CHECK(hen.done());
  CHECK(egg.done());
}

TEST_CASE("passes in which a virtual clock stands still are limited", "[core][event_loop]") {
  weft::virtual_clock time(50);
  weft::event_loop loop({.clock = &time});
  int passes = 0;
  action spin([&] {
    ++passes;
    loop.schedule(spin);
  });
  loop.schedule(spin);
  CHECK_THROWS_AS(loop.run_forever(), weft::livelock_error);
  CHECK(passes == 50);
  CHECK_THROWS_WITH(loop.run_forever(), contains("50 loop passes"));
  CHECK(passes == 100);  // a new run has a new limit
  CHECK_FALSE(loop.is_running());

  spin.unlink();
  int ticks = 0;
  std::function<void()> tick = [&] {
    if (++ticks < 500) loop.call_later(1ms, tick);
  };
  tick();
  run_until_idle(loop);
  CHECK(ticks == 500);  // more passes than the limit, but time moves
}

TEST_CASE("a loop that posts to itself for ever is a livelock, too", "[core][event_loop]") {
  weft::virtual_clock time(50);
  weft::event_loop loop({.clock = &time});
  const auto remote = loop.remote();
  int posts = 0;
  std::function<void()> again = [&] {
    if (++posts < 10'000)
      remote.call_soon_threadsafe(again);
    else
      loop.stop();
  };
  remote.call_soon_threadsafe(again);
  CHECK_THROWS_AS(loop.run_forever(), weft::livelock_error);
  CHECK(posts <= 100);
}

// ---- memory ----

TEST_CASE_METHOD(loop_on_virtual_time, "tasks that take turns and sleep allocate nothing in the steady state",
                 "[core][event_loop]") {
  std::uint64_t in_turns = 1;
  std::uint64_t in_sleeps = 1;
  const auto turns = [](int n) -> weft::task<> {
    for (int i = 0; i < n; ++i) co_await weft::yield();
  };
  const auto sleeps = [](int n) -> weft::task<> {
    for (int i = 0; i < n; ++i) co_await weft::sleep_for(1ms);
  };
  const auto body = [&]() -> weft::task<> {
    weft::task_handle<> other = weft::create_task(turns(3000));
    co_await weft::yield();
    std::uint64_t before = weft_test::allocations();
    for (int i = 0; i < 1000; ++i) co_await weft::yield();
    in_turns = weft_test::allocations() - before;
    co_await other;
    other = weft::create_task(sleeps(3000));
    co_await weft::sleep_for(1ms);
    before = weft_test::allocations();
    for (int i = 0; i < 1000; ++i) co_await weft::sleep_for(1ms);
    in_sleeps = weft_test::allocations() - before;
    co_await other;
  };
  loop.run_until_complete(body());
  CHECK(in_turns == 0);
  CHECK(in_sleeps == 0);
}

#if WEFT_FRAME_POOL
TEST_CASE_METHOD(loop_on_virtual_time, "callbacks that come and go allocate nothing in the steady state",
                 "[core][event_loop]") {
  const auto use = [&] {
    for (int round = 0; round < 100; ++round) {
      for (int i = 0; i < 10; ++i) loop.call_soon([] {});
      for (int i = 0; i < 10; ++i) loop.call_later(1ms, [] {}).cancel();
      run_one_pass(loop);
    }
  };
  use();
  CHECK(weft_test::allocations_in(use) == 0);
}
#endif

}  // namespace core_event_loop_test
