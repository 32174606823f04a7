// Tests of weft/io/add_signal_handler.hpp: which calls a signal causes, and that it has its former effect afterwards.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/signals.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"

#include <weft/core/callback.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/io/add_signal_handler.hpp>
#include <weft/io/signal_set.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <signal.h>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace io_add_signal_handler_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::former_effect;
using weft_test::run_one_pass;
using weft_test::send;

struct loop_with_signals {
  const weft_test::time_limit limit;
  const former_effect unchanged1{SIGUSR1};
  const former_effect unchanged2{SIGUSR2};
  event_log log;
  weft::event_loop loop;

  void run_passes(int n) {
    while (n-- > 0) run_one_pass(loop);
  }
};

TEST_CASE_METHOD(loop_with_signals, "a signal calls its handler on the loop, in the second pass", "[io][signals]") {
  weft::add_signal_handler(loop, SIGUSR1, [&] { log("called"); });
  CHECK(unchanged1.taken_over());
  run_passes(2);
  CHECK(log.text().empty());
  send(SIGUSR1);
  run_passes(1);
  CHECK(log.text().empty());
  run_passes(1);
  CHECK(log.text() == "called");
  run_passes(3);
  CHECK(log.text() == "called");
  CHECK(weft::remove_signal_handler(loop, SIGUSR1));
  CHECK_FALSE(unchanged1.taken_over());
  CHECK_FALSE(weft::remove_signal_handler(loop, SIGUSR1));
}

TEST_CASE_METHOD(loop_with_signals, "a signal that nobody heard does not spoil the order of those that come later",
                 "[io][signals]") {
  weft::add_signal_handler(loop, SIGUSR2, [] {});
  send(SIGUSR2);
  weft::remove_signal_handler(loop, SIGUSR2);
  weft::add_signal_handler(loop, SIGUSR1, [&] { log("1"); });
  weft::add_signal_handler(loop, SIGUSR2, [&] { log("2"); });
  send(SIGUSR1);
  send(SIGUSR2);
  send(SIGUSR1);
  run_passes(2);
  CHECK(log.text() == "1 2 1");
}

TEST_CASE_METHOD(loop_with_signals, "handlers are called once a signal, in the order in which signals come",
                 "[io][signals]") {
  weft::add_signal_handler(
      loop, SIGUSR1, [&](const char* name) { log(name); }, "one");
  weft::add_signal_handler(
      loop, SIGUSR2, [&](const char* name) { log(name); }, "two");
  for (int number : {SIGUSR2, SIGUSR1, SIGUSR2, SIGUSR2}) send(number);
  run_passes(2);
  CHECK(log.text() == "two one two two");
}

TEST_CASE_METHOD(loop_with_signals, "the arguments of a signal handler are kept, and handed over each time",
                 "[io][signals]") {
  int sum = 0;
  std::string text = "four";
  weft::add_signal_handler(
      loop, SIGUSR1,
      [](const std::string& kept, int& total, int step) { total += static_cast<int>(kept.size()) + step; }, text,
      std::ref(sum), 6);
  text.clear();
  send(SIGUSR1);
  send(SIGUSR1);
  run_passes(2);
  CHECK(sum == 20);
}

TEST_CASE_METHOD(loop_with_signals, "a handler that is added again replaces the one before", "[io][signals]") {
  weft_test::census counts;
  weft::add_signal_handler(loop, SIGUSR1, [this, t = weft_test::tracked(counts)] { log("first"); });
  send(SIGUSR1);
  run_passes(1);  // a call is queued
  weft::add_signal_handler(loop, SIGUSR1, [this] { log("second"); });
  send(SIGUSR1);
  run_passes(2);
  CHECK(log.text() == "first second");  // as in asyncio, what is queued is called
  CHECK(counts.alive == 0);
}

TEST_CASE_METHOD(loop_with_signals, "a handler may remove itself and add others", "[io][signals]") {
  weft::add_signal_handler(loop, SIGUSR1, [this] {
    log("one");
    CHECK(weft::remove_signal_handler(SIGUSR1));
    weft::add_signal_handler(SIGUSR2, [this] { log("two"); });
  });
  send(SIGUSR1);
  run_passes(2);
  CHECK_FALSE(unchanged1.taken_over());
  send(SIGUSR2);
  run_passes(2);
  CHECK(log.text() == "one two");
}

TEST_CASE_METHOD(loop_with_signals, "a signal that comes just before its handler is removed calls nothing",
                 "[io][signals]") {
  weft::add_signal_handler(loop, SIGUSR1, [this] { log("called"); });
  weft::add_signal_handler(loop, SIGUSR2, [] {});
  send(SIGUSR1);
  CHECK(weft::remove_signal_handler(loop, SIGUSR1));
  run_passes(3);
  CHECK(log.text().empty());
}

TEST_CASE_METHOD(loop_with_signals, "what a signal handler throws goes to the exception handler", "[io][signals]") {
  weft_test::reports told;
  told.listen(loop);
  weft::add_signal_handler(loop, SIGUSR1, [] { throw std::runtime_error("broken"); });
  send(SIGUSR1);
  send(SIGUSR1);
  run_passes(2);
  CHECK(told.text() == "Exception in callback: broken | Exception in callback: broken");
}

TEST_CASE_METHOD(loop_with_signals, "the loop waits while there is a signal handler, and not when it has gone",
                 "[io][signals]") {
  weft::add_signal_handler(loop, SIGUSR1, [this] { log("called"), weft::remove_signal_handler(SIGUSR1); });
  std::thread sender([] {
    std::this_thread::sleep_for(10ms);
    send(SIGUSR1);
  });
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  sender.join();
  CHECK(log.text() == "called");
}

TEST_CASE("signal handlers are given up when the loop goes", "[io][signals]") {
  const former_effect unchanged1(SIGUSR1);
  const former_effect unchanged2(SIGUSR2);
  const weft::signal_set keeps(SIGUSR2);
  weft_test::census counts;
  event_log log;
  {
    weft::event_loop loop;
    int owned = 0;
    std::shared_ptr<int> asks(&owned,
                              [&](int*) { log(weft::remove_signal_handler(loop, SIGUSR2) ? "there" : "gone"); });
    weft::add_signal_handler(loop, SIGUSR1, [t = weft_test::tracked(counts), kept = std::move(asks)] {});
    weft::add_signal_handler(loop, SIGUSR2, [t = weft_test::tracked(counts)] {});
    send(SIGUSR1);
    run_one_pass(loop);  // one call is queued
    CHECK(counts.alive == 2);
  }
  CHECK(counts.alive == 0);
  CHECK(log.text() == "gone");
  CHECK_FALSE(unchanged1.taken_over());
  CHECK(unchanged2.taken_over());
  send(SIGUSR2);
  CHECK(keeps.pending() == 1);
}

TEST_CASE("handlers of several loops and sets each get every signal", "[io][signals]") {
  const former_effect unchanged(SIGUSR1);
  event_log log;
  weft::event_loop one;
  weft::event_loop two;
  const weft::signal_set set(SIGUSR1);
  weft::add_signal_handler(one, SIGUSR1, [&] { log("one"); });
  weft::add_signal_handler(two, SIGUSR1, [&] { log("two"); });
  send(SIGUSR1);
  for (weft::event_loop* loop : {&two, &one}) {
    run_one_pass(*loop);
    run_one_pass(*loop);
  }
  CHECK(log.text() == "two one");
  CHECK(set.pending() == 1);
}

TEST_CASE_METHOD(loop_with_signals, "a signal number that is none, or cannot be caught, is refused", "[io][signals]") {
  for (const int number : {0, -1, NSIG + 1}) {
    CHECK_THROWS_AS(weft::add_signal_handler(loop, number, [] {}), std::invalid_argument);
    CHECK_THROWS_AS(weft::remove_signal_handler(loop, number), std::invalid_argument);
  }
  CHECK_THROWS_WITH(weft::remove_signal_handler(loop, 999), contains("999"));
  CHECK_THROWS_AS(weft::add_signal_handler(loop, SIGKILL, [] {}), weft::usage_error);
  CHECK_THROWS_WITH(weft::add_signal_handler(loop, SIGSTOP, [] {}), contains("SIGSTOP"));
  CHECK_FALSE(weft::remove_signal_handler(loop, SIGKILL));
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);  // nothing was added
}

TEST_CASE_METHOD(loop_with_signals, "signal handlers are for the main thread, and for a loop", "[io][signals]") {
  CHECK_THROWS_AS(weft::add_signal_handler(SIGUSR1, [] {}), weft::usage_error);
  CHECK_THROWS_AS(weft::remove_signal_handler(SIGUSR1), weft::usage_error);
  std::string what;
  std::thread([&] {
    weft::event_loop other;
    try {
      weft::add_signal_handler(other, SIGUSR1, [] {});
    } catch (const weft::usage_error& e) {
      what = e.what();
    }
    CHECK_THROWS_AS(weft::remove_signal_handler(other, SIGUSR1), weft::usage_error);
  }).join();
  CHECK_THAT(what, contains("main thread") && contains("signal_set"));
  CHECK_FALSE(unchanged1.taken_over());
}

TEST_CASE("a handler of SIGINT takes it from run, and gives it back", "[io][signals]") {
  const int result = weft_test::in_child([] {
    int calls = 0;
    const auto main = [&]() -> weft::task<> {
      weft::event called;
      weft::add_signal_handler(SIGINT, [&] { ++calls, called.set(); });
      ::raise(SIGINT);
      co_await called.wait();
      weft::remove_signal_handler(SIGINT);
      ::raise(SIGINT);
      co_await weft::sleep_for(1h);
    };
    try {
      weft::run(main);
      return 1;
    } catch (const weft::keyboard_interrupt&) {
    }
    if (calls != 1) return 2;
    return weft_test::disposition_of(SIGINT) == SIG_DFL ? 0 : 3;
  });
  CHECK(result == 0);
}

TEST_CASE("a handler of SIGINT that is there at the end of run leaves the default effect", "[io][signals]") {
  const int result = weft_test::in_child([] {
    const auto main = []() -> weft::task<> {
      weft::add_signal_handler(SIGINT, [] {});
      co_return;
    };
    weft::run(main);
    if (weft_test::disposition_of(SIGINT) != SIG_DFL) return 1;
    ::raise(SIGINT);
    return 2;
  });
  CHECK(result == 128 + SIGINT);
}

TEST_CASE_METHOD(loop_with_signals, "a signal is not lost when there is no memory to call its handler",
                 "[io][signals]") {
  if (!weft_test::counts_allocations) return;  // and nothing can fail
  int calls = 0;
  weft::add_signal_handler(loop, SIGUSR1, [&calls] { ++calls; });
  send(SIGUSR1);
  run_passes(2);  // the loop has room for events
  CHECK(std::exchange(calls, 0) == 1);
  std::vector<weft::callback_handle> hoard;  // takes what the pool has left
  hoard.reserve(100'000);
  send(SIGUSR1);
  send(SIGUSR1);
  {
    const weft_test::out_of_memory none;
    while (!none.happened()) {
      try {
        hoard.push_back(loop.call_soon([same_size = std::shared_ptr<int>()] {}));
      } catch (const std::bad_alloc&) {
      }
    }
    run_passes(3);
  }
  CHECK(calls == 0);
  run_passes(2);
  CHECK(calls == 2);
}

}  // namespace io_add_signal_handler_test
