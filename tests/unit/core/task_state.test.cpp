// Tests of weft/core/task_state.hpp: how a task is cancelled, as CPython's own tests pin it down; how it ends, what it
// reports, and what becomes of it when the loop goes.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace core_task_state_test {

using namespace std::chrono_literals;
using weft_test::census;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

weft::task<> nothing() { co_return; }
weft::task<> yields(int times) {
  for (int i = 0; i < times; ++i) co_await weft::yield();
}
weft::task<> sleeps(std::chrono::nanoseconds time) { co_await weft::sleep_for(time); }

// Sleeps for long, says when it is cancelled, and lets that pass.
weft::task<> sleeper(event_log& log, std::string name = "sleeper") {
  try {
    co_await weft::sleep_for(1h);
    log(name + "_slept");
  } catch (const weft::cancelled_error&) {
    log(name + "_cancelled");
    throw;
  }
}
// The same, waiting for another task.
weft::task<> waiter(event_log& log, weft::task_ref target, std::string name = "waiter") {
  try {
    co_await target;
    log(name + "_woken");
  } catch (const weft::cancelled_error&) {
    log(name + "_cancelled");
    throw;
  }
}

// ---- cancel(), as in CPython's test_tasks.py ----

TEST_CASE("cancel ends a sleeping task in the next pass, and time does not move", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto t = weft::create_task(sleeper(log));
    co_await weft::yield();
    CHECK(t.cancel());
    CHECK_FALSE(t.done());
    CHECK_FALSE(t.cancelled());
    CHECK(t.cancelling() == 1);
    co_await weft::yield();
    CHECK(t.done());
    CHECK(t.cancelled());
    CHECK_FALSE(t.cancel());  // it is done: no more requests
    CHECK(t.cancelling() == 1);
    CHECK(weft::event_loop::current().armed_timers() == 0);
    CHECK(now_ms() == 0);
  });
  CHECK(log.text() == "sleeper_cancelled");
}

TEST_CASE("cancel reaches a task that is between two yields", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<int> {
      co_await weft::yield();
      log("once");
      co_await weft::yield();
      log("twice");
      co_return 12;
    };
    auto t = weft::create_task(body);
    co_await yields(2);
    t.cancel();
    co_await yields(2);
    CHECK(t.cancelled());
    CHECK_FALSE(t.cancel());
  });
  CHECK(log.text() == "once");
}

TEST_CASE("cancel before the start: the body never runs, callbacks do, parameters are destroyed once",
          "[core][task_state]") {
  event_log log;
  census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&](tracked) -> weft::task<> {
      log("ran");
      co_return;
    };
    auto t = weft::create_task(body(tracked(counts)));
    t.add_done_callback([&](const weft::task_ref& ended) { log(ended.cancelled() ? "callback" : "wrong"); });
    CHECK(t.cancel());
    CHECK_FALSE(t.done());
    co_await weft::yield();
    CHECK(t.cancelled());
    CHECK(counts.alive == 0);
    log("next");
    co_await weft::yield();
  });
  CHECK(log.text() == "next callback");
}

TEST_CASE("cancelling the task that is awaited cancels the one that awaits, without a request to it",
          "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto inner = weft::create_task(sleeper(log));
    auto outer = weft::create_task(waiter(log, inner));
    co_await yields(2);
    inner.cancel();
    co_await yields(3);
    CHECK(outer.cancelled());
    CHECK(inner.cancelling() == 1);
    CHECK(outer.cancelling() == 0);
  });
  CHECK(log.text() == "sleeper_cancelled waiter_cancelled");
}

TEST_CASE("cancelling the task that awaits cancels the one that is awaited, all the way down", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(sleeper(log, "a"));
    auto b = weft::create_task(waiter(log, a, "b"));
    auto c = weft::create_task(waiter(log, b, "c"));
    co_await yields(2);
    CHECK(c.cancel());
    for (weft::task_ref t : {weft::task_ref(a), weft::task_ref(b), weft::task_ref(c)}) CHECK(t.cancelling() == 1);
    co_await weft::yield();
    log("1");
    co_await weft::yield();
    log("2");
    co_await weft::yield();
    CHECK(c.cancelled());
  });
  CHECK(log.text() == "a_cancelled 1 b_cancelled 2 c_cancelled");
}

TEST_CASE("cancelling both the awaited task and the one that awaits throws once in each, in either order",
          "[core][task_state]") {
  for (const bool inner_first : {true, false}) {
    event_log log;
    run_on_virtual_time([&]() -> weft::task<> {
      auto inner = weft::create_task(sleeper(log, "inner"));
      auto outer = weft::create_task(waiter(log, inner, "outer"));
      co_await yields(2);
      if (inner_first) {
        inner.cancel();
        outer.cancel();
      } else {
        outer.cancel();
        inner.cancel();
      }
      co_await yields(3);
      CHECK(inner.cancelled());
      CHECK(outer.cancelled());
      CHECK(inner.cancelling() == 2);
      CHECK(outer.cancelling() == 1);
    });
    CHECK(log.text() == "inner_cancelled outer_cancelled");
  }
}

TEST_CASE("a task that catches the cancellation and returns is not cancelled", "[core][task_state]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto body = []() -> weft::task<int> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        co_return 42;
      }
      co_return 0;
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    const int result = co_await t;
    CHECK(result == 42);
    CHECK_FALSE(t.cancelled());
    CHECK(t.cancelling() == 1);
  });
}

TEST_CASE("a task that ignores the cancellation waits normally afterwards", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<int> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        log("ignored");
      }
      co_await weft::sleep_for(5ms);
      log("waited");
      co_return 42;
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    const int result = co_await t;
    CHECK(result == 42);
    CHECK(now_ms() == 5);
  });
  CHECK(log.text() == "ignored waited");
}

TEST_CASE("a cancellation that the awaited task ignores does not reach the one that awaits", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto stubborn = [&]() -> weft::task<int> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        log("ignored");
      }
      co_await weft::sleep_for(1ms);
      co_return 8;
    };
    auto inner = weft::create_task(stubborn);
    auto wait = [&]() -> weft::task<int> {
      const int result = co_await inner;
      log("result");
      co_await weft::sleep_for(1ms);  // the request is used up
      co_return result;
    };
    auto outer = weft::create_task(wait);
    co_await yields(2);
    CHECK(outer.cancel());
    const int result = co_await outer;
    CHECK(result == 8);
    CHECK_FALSE(outer.cancelled());
    CHECK(outer.cancelling() == 1);
  });
  CHECK(log.text() == "ignored result");
}

TEST_CASE("a task that cancels itself is cancelled at its next wait", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<> {
      weft::task_ref self = weft::current_task();
      CHECK(self.cancel());
      log("goes_on");
      co_await weft::sleep_for(1h);
      log("slept");
    };
    auto t = weft::create_task(body);
    co_await yields(3);
    CHECK(t.cancelled());
    CHECK(now_ms() == 0);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
  CHECK(log.text() == "goes_on");
}

TEST_CASE("a task that cancels itself and then returns is cancelled, and its value is lost", "[core][task_state]") {
  census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<tracked> {
      weft::current_task().cancel();
      co_return tracked(counts);
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    CHECK(t.cancelled());
    CHECK(counts.made > 0);
    CHECK(counts.alive == 0);
    CHECK_THROWS_AS(t.result(), weft::cancelled_error);
  });
}

TEST_CASE("a task that cancels itself and then throws has failed", "[core][task_state]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto body = []() -> weft::task<> {
      weft::current_task().cancel();
      throw std::runtime_error("thrown");
      co_return;
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    CHECK_FALSE(t.cancelled());
    CHECK_THROWS_WITH(t.result(), "thrown");
  });
}

TEST_CASE("a task that cancels itself and then awaits another cancels that one at once, too", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto nested = weft::create_task(sleeper(log));
    auto body = [&]() -> weft::task<> {
      weft::current_task().cancel();
      co_await nested;
    };
    co_await weft::yield();
    auto t = weft::create_task(body);
    co_await weft::yield();
    CHECK(nested.cancelling() == 1);  // in the very step in which the other began to wait
    co_await yields(2);
    CHECK(nested.cancelled());
    CHECK(t.cancelled());
  });
  CHECK(log.text() == "sleeper_cancelled");
}

TEST_CASE("a task that cancels itself and then awaits one that ignores it has used up the request",
          "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto stubborn = []() -> weft::task<int> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
      }
      co_return 5;
    };
    auto inner = weft::create_task(stubborn);
    co_await weft::yield();
    auto body = [&]() -> weft::task<int> {
      weft::current_task().cancel();
      const int result = co_await inner;
      log("result");
      co_await weft::yield();
      co_return result;
    };
    auto t = weft::create_task(body);
    const int result = co_await t;
    CHECK(result == 5);
    CHECK(t.cancelling() == 1);
    CHECK_FALSE(t.cancelled());
  });
  CHECK(log.text() == "result");
}

TEST_CASE("awaiting what is done already delivers no request: the next real wait does", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto done = weft::create_task(nothing());
    co_await yields(2);
    auto body = [&]() -> weft::task<> {
      weft::current_task().cancel();
      co_await done;
      log("done");
      co_await weft::gather();
      log("gather");
      co_await nothing();
      log("child");
      co_await weft::yield();
      log("never");
    };
    auto t = weft::create_task(body);
    co_await yields(2);
    CHECK(t.cancelled());
  });
  CHECK(log.text() == "done gather child");
}

TEST_CASE("several requests before the delivery throw once; each is counted", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<int> {
      for (int i = 0; i < 3; ++i) {
        try {
          co_await weft::sleep_for(1h);
        } catch (const weft::cancelled_error&) {
          log(std::to_string(weft::current_task().cancelling()));
        }
      }
      co_return 1;
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    CHECK(t.cancel());
    CHECK(t.cancel());
    co_await yields(3);
    t.cancel();
    co_await weft::yield();
    t.cancel();
    const int result = co_await t;
    CHECK(result == 1);
    CHECK(t.cancelling() == 4);
  });
  CHECK(log.text() == "2 3 4");
}

TEST_CASE("a request that comes in the pass in which the awaited task ended wins over the result",
          "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&]() -> weft::task<int> {
      co_await weft::yield();
      log("child_ended");
      co_return 1;
    };
    auto inner = weft::create_task(child);
    auto outer = weft::create_task(waiter(log, inner));
    co_await yields(2);  // the child has just ended, in this pass; the waiter is woken in the next
    CHECK(inner.done());
    CHECK(outer.cancel());
    CHECK(inner.cancelling() == 0);
    co_await weft::yield();
    CHECK(outer.cancelled());
    CHECK(inner.result() == 1);
  });
  CHECK(log.text() == "child_ended waiter_cancelled");
}

TEST_CASE("a cancellation that failed to stop a task is over when the task fails later", "[core][task_state]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto body = []() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error("instead of the cancellation");
      }
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    co_await weft::yield();
    CHECK(t.done());
    CHECK_FALSE(t.cancelled());
    CHECK_THROWS_WITH(t.result(), "instead of the cancellation");
  });
}

TEST_CASE("cleaning up may wait: a task that was cancelled once is not cancelled again by itself",
          "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<> {
      bool cancelled = false;
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        cancelled = true;
      }
      co_await weft::sleep_for(3ms);
      log("cleaned_up");
      if (cancelled) throw weft::cancelled_error();
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    bool caught = false;
    try {
      co_await t;
    } catch (const weft::cancelled_error&) {
      caught = true;
    }
    CHECK(caught);
    CHECK(t.cancelled());
    CHECK(now_ms() == 3);
  });
  CHECK(log.text() == "cleaned_up");
}

TEST_CASE("catch (const std::exception&) does not swallow a cancellation", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const std::exception&) {
        log("swallowed");
      }
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    co_await weft::yield();
    CHECK(t.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("a destructor may cancel another task", "[core][task_state]") {
  class cancels {
   public:
    explicit cancels(weft::task_ref target) : target_(std::move(target)) {}
    cancels(const cancels&) = delete;
    cancels& operator=(const cancels&) = delete;
    ~cancels() { target_.cancel(); }

   private:
    weft::task_ref target_;
  };
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto target = weft::create_task(sleeper(log));
    auto body = [&]() -> weft::task<> {
      const cancels guard(target);
      co_await weft::sleep_for(1h);
    };
    auto t = weft::create_task(body);
    co_await weft::yield();
    t.cancel();
    co_await yields(2);
    CHECK(t.cancelled());
    CHECK(target.cancelled());

    weft::task_handle<> self;
    auto cancels_itself = [&]() -> weft::task<> {
      const cancels guard(self);
      co_return;
    };
    self = weft::create_task(cancels_itself);
    co_await weft::yield();
    CHECK(self.cancelled());  // asked for before the task was done
  });
  CHECK(log.text() == "sleeper_cancelled");
}

// ---- uncancel() ----

TEST_CASE("cancelling counts requests, uncancel takes them back and never goes below zero", "[core][task_state]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto t = weft::create_task(sleeps(1h));
    co_await weft::yield();
    CHECK(t.cancelling() == 0);
    CHECK(t.uncancel() == 0);
    t.cancel();
    t.cancel();
    CHECK(t.cancelling() == 2);
    CHECK(t.uncancel() == 1);
    CHECK(t.uncancel() == 0);
    CHECK(t.uncancel() == 0);
    co_await weft::yield();
    CHECK(t.cancelled());  // the sleep was cancelled already: that cannot be taken back
    CHECK(t.cancelling() == 0);
  });
}

TEST_CASE("uncancel to zero withdraws a request that was not delivered yet", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto target = weft::create_task(nothing());
    auto waiting = weft::create_task(waiter(log, target));
    co_await weft::yield();
    co_await weft::yield();
    auto running = weft::create_task(yields(2));
    co_await weft::yield();
    running.cancel();  // between two yields there is nothing to cancel: the request waits
    CHECK(running.uncancel() == 0);
    auto unstarted = weft::create_task(nothing());
    unstarted.cancel();
    CHECK(unstarted.uncancel() == 0);
    auto twice = weft::create_task(nothing());
    twice.cancel();
    twice.cancel();
    CHECK(twice.uncancel() == 1);  // one is left, and it is delivered
    co_await yields(4);
    CHECK(running.done());
    CHECK_FALSE(running.cancelled());
    CHECK(unstarted.done());
    CHECK_FALSE(unstarted.cancelled());
    CHECK(twice.cancelled());
    CHECK(waiting.done());
  });
  CHECK(log.text() == "waiter_woken");
}

TEST_CASE("uncancel withdraws a request that came when the awaited task had just ended", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto target = weft::create_task(yields(1));
    auto waiting = weft::create_task(waiter(log, target));
    co_await yields(2);
    CHECK(target.done());
    waiting.cancel();
    CHECK(waiting.uncancel() == 0);
    co_await waiting;
  });
  CHECK(log.text() == "waiter_woken");
}

// CPython's test_uncancel_structured_blocks: what a timeout needs to be built on.
struct block_result {
  bool timed_out = false;
  bool finished = false;
  bool left = false;
};
weft::task<block_result> structured_block(std::chrono::milliseconds work, std::chrono::milliseconds limit) {
  block_result result;
  weft::task_ref self = weft::current_task();
  bool timed_out = false;
  bool cancelled = false;
  weft::timer_handle timer = weft::event_loop::current().call_later(limit, [&timed_out, self]() mutable {
    timed_out = true;
    self.cancel();
  });
  try {
    co_await weft::sleep_for(work);
    result.finished = true;
  } catch (const weft::cancelled_error&) {
    cancelled = true;
  }
  timer.cancel();
  const bool mine = timed_out && self.uncancel() == 0;
  if (cancelled && !mine) throw weft::cancelled_error();
  result.timed_out = timed_out;
  result.left = true;
  co_await weft::yield();
  co_return result;
}

TEST_CASE("a block that cancels and uncancels its task tells its own request from others", "[core][task_state]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto expired = weft::create_task(structured_block(10s, 100ms));
    const block_result& first = co_await expired;
    CHECK(first.timed_out);
    CHECK_FALSE(first.finished);
    CHECK(first.left);
    CHECK(expired.cancelling() == 0);

    auto in_time = weft::create_task(structured_block(100ms, 10s));
    const block_result& second = co_await in_time;
    CHECK_FALSE(second.timed_out);
    CHECK(second.finished);
    CHECK(in_time.cancelling() == 0);

    auto stopped = weft::create_task(structured_block(10s, 20s));
    co_await weft::yield();
    stopped.cancel();
    co_await weft::yield();
    CHECK(stopped.cancelled());
    CHECK(stopped.cancelling() == 1);

    // Asked by somebody else in the same pass as by its own timer: that one must not be swallowed.
    auto both = weft::create_task(structured_block(10s, 100ms));
    co_await weft::yield();
    weft::event_loop::current().call_later(100ms, [&] { both.cancel(); });
    co_await weft::sleep_for(200ms);
    CHECK(both.cancelled());
    CHECK(both.cancelling() == 1);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
}

// ---- the end of the loop ----

TEST_CASE("a loop that goes destroys suspended chains leaf first and newest task first, without resuming them",
          "[core][task_state]") {
  event_log log;
  reports told;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    told.listen(loop);
    auto leaf = [&](std::string name) -> weft::task<> {
      const says_goodbye goodbye(log, name + "_leaf");
      co_await weft::sleep_for(1h);
      log("resumed");
    };
    auto root = [&](std::string name) -> weft::task<> {
      const says_goodbye goodbye(log, name + "_root");
      co_await leaf(name);
      log("resumed");
    };
    loop.create_task(root("old"), "old");
    loop.create_task(root("new"), "new");
    weft_test::run_one_pass(loop);
    loop.create_task(root("unstarted"), "unstarted");
    CHECK(loop.armed_timers() == 2);
  }
  CHECK(log.text() == "new_leaf new_root old_leaf old_root");
  CHECK(told.text() ==
        "Task was destroyed but it is pending: 'unstarted' | Task was destroyed but it is pending: 'new' | "
        "Task was destroyed but it is pending: 'old'");
}

TEST_CASE("whatever a task waits for, it can be destroyed there, and nothing leaks", "[core][task_state]") {
  census counts;
  reports told;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    told.listen(loop);
    auto sleeping = [](tracked) -> weft::task<> { co_await weft::sleep_for(1h); };
    auto yielding = [](tracked) -> weft::task<> {
      for (;;) co_await weft::yield();
    };
    auto awaiting = [](tracked, weft::task_ref target) -> weft::task<> { co_await target; };
    auto gathering = [&sleeping, &yielding](tracked t, weft::task_handle<> other) -> weft::task<> {
      co_await weft::gather(sleeping(t), yielding(t), other, sleeping(t));
    };
    auto old = loop.create_task(sleeping(tracked(counts)));
    loop.create_task(awaiting(tracked(counts), old));
    loop.create_task(yielding(tracked(counts)));
    loop.create_task(gathering(tracked(counts), old));
    auto woken = loop.create_task(sleeping(tracked(counts)));
    loop.create_task(awaiting(tracked(counts), woken));
    for (int i = 0; i < 3; ++i) weft_test::run_one_pass(loop);
    woken.cancel();  // destroyed between the wake-up and the next step
    loop.create_task(sleeping(tracked(counts)));
    CHECK(counts.alive >= 10);
  }
  CHECK(counts.alive == 0);
  CHECK(told.count() == 10);
}

TEST_CASE("a destructor that runs while the loop goes may cancel and look at other tasks", "[core][task_state]") {
  // In a child process: an exception out of such a destructor would end the tests.
  const int result = weft_test::in_child([] {
    class meddles {
     public:
      meddles(std::vector<weft::task_ref>& others, int& calls) : others_(others), calls_(calls) {}
      meddles(const meddles&) = delete;
      meddles& operator=(const meddles&) = delete;
      ~meddles() {
        for (weft::task_ref& t : others_) {
          t.cancel();
          t.uncancel();
          ++calls_;
          if (t.done() && !t.cancelled()) ++calls_;
          static_cast<void>(t.name());
        }
      }

     private:
      std::vector<weft::task_ref>& others_;
      int& calls_;
    };
    int calls = 0;
    std::vector<weft::task_ref> others;
    {
      weft::virtual_clock time;
      weft::event_loop loop({.clock = &time});
      loop.set_exception_handler([](const weft::exception_context&) {});
      auto body = [&]() -> weft::task<> {
        const meddles guard(others, calls);
        co_await weft::sleep_for(1h);
      };
      auto waits = [&]() -> weft::task<> {
        const meddles guard(others, calls);
        co_await others[0];
      };
      others.push_back(loop.create_task(body()));
      others.push_back(loop.create_task(waits()));
      others.push_back(loop.create_task(waits()));
      others.push_back(loop.create_task(body()));
      weft_test::run_one_pass(loop);
    }
    return calls == 16 ? 0 : 1;
  });
  CHECK(result == 0);
}

TEST_CASE("a destructor that runs while the loop goes is refused new work with loop_closed_error",
          "[core][task_state]") {
  event_log log;
  class asks_for_work {
   public:
    explicit asks_for_work(event_log& log, weft::event_loop& loop) : log_(log), loop_(loop) {}
    asks_for_work(const asks_for_work&) = delete;
    asks_for_work& operator=(const asks_for_work&) = delete;
    ~asks_for_work() {
      try {
        loop_.create_task(nothing());
      } catch (const weft::loop_closed_error&) {
        log_("no_task");
      }
      try {
        loop_.call_soon([] {});
      } catch (const weft::loop_closed_error&) {
        log_("no_callback");
      }
    }

   private:
    event_log& log_;
    weft::event_loop& loop_;
  };
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    auto body = [&]() -> weft::task<> {
      const asks_for_work guard(log, loop);
      co_await weft::sleep_for(1h);
    };
    loop.create_task(body());
    weft_test::run_one_pass(loop);
  }
  CHECK(log.text() == "no_task no_callback");
}

// ---- reports ----

// The line below the constant is looked for in reports.
constexpr int line_of_leaf_await = __LINE__ + 1;
weft::task<> reported_leaf() { co_await weft::sleep_for(1h); }
weft::task<> reported_root() { co_await reported_leaf(); }

TEST_CASE("a report says who a task is, what it waits for, and where each coroutine of its chain is",
          "[core][task_state]") {
  std::string waiting;
  std::string fresh;
  std::string function;
  std::string done;
  std::string waits_for_task;
  int line_of_creation = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    line_of_creation = __LINE__ + 1;
    auto t = weft::create_task(reported_root(), "reported");
    auto by_function = weft::create_task(reported_root);
    auto other = weft::create_task(weft::make_task([&]() -> weft::task<> { co_await t; }), "other");
    fresh = t.state().report();
    co_await weft::yield();
    waiting = t.state().report();
    function = by_function.state().report();
    waits_for_task = other.state().report();
    t.cancel();
    co_await weft::yield();
    done = t.state().report();
  });
  CHECK_THAT(fresh, contains("task 'reported', created at "));
  CHECK_THAT(fresh, contains("task_state.test.cpp:" + std::to_string(line_of_creation) + " ("));
  CHECK_THAT(fresh, contains("reported_root"));
  CHECK_THAT(waiting, contains("task 'reported', created at "));
  CHECK_THAT(waiting, contains("waits for sleep"));
  const std::string at_leaf = "task_state.test.cpp:" + std::to_string(line_of_leaf_await) + " (";
  CHECK_THAT(waiting, contains(at_leaf));
  CHECK(waiting.find("reported_leaf") < waiting.rfind("reported_root"));
  CHECK_THAT(function, contains(", coroutine "));
  CHECK_THAT(function, contains("reported_root"));
  CHECK_THAT(function, !contains("call_and_keep"));
  CHECK_THAT(function, !contains("task.hpp"));
  CHECK_THAT(waits_for_task, contains("waits for task 'reported'"));
  CHECK(done.empty());
}

TEST_CASE("a label of a task that was made of a function names nothing of the library", "[core][task_state]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto t = weft::create_task(reported_root);
    t.set_name("function");
    CHECK(t.state().label().text().rfind("'function', ", 0) == 0);
    CHECK_THAT(t.state().label().text(), !contains("task.hpp"));
    co_await weft::yield();
    CHECK_THAT(t.state().label().text(), contains("task_state.test.cpp:"));
    CHECK_THAT(t.state().label().text(), contains("reported_root"));
    t.cancel();
  });
}

TEST_CASE("a deadlock is reported with all tasks that wait, oldest first, and where", "[core][task_state]") {
  class never {
   public:
    bool await_ready() const noexcept { return false; }
    void await_suspend(weft::task_state&) const noexcept {}
    void await_resume() const noexcept {}
  };
  std::string message;
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  loop.set_exception_handler([](const weft::exception_context&) {});
  auto waits = []() -> weft::task<> { co_await never(); };
  auto target = loop.create_task(waits(), "first");
  auto awaits_target = [&]() -> weft::task<> { co_await target; };
  loop.create_task(awaits_target(), "second");
  try {
    loop.run_forever();
  } catch (const weft::deadlock_error& e) {
    message = e.what();
  }
  CHECK_THAT(message, contains("weft: deadlock"));
  CHECK(message.find("task 'first'") < message.find("task 'second'"));
  CHECK_THAT(message, contains("waits for task 'first'"));
  CHECK_THAT(message, contains("task_state.test.cpp:"));
}

// ---- started eagerly ----

TEST_CASE("the first step of a task that is started eagerly runs inside of the caller's", "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto me = weft::current_task();
    const auto body = [&]() -> weft::task<int> {
      log("begin");
      CHECK(weft::current_task() != me);
      co_await weft::yield();
      log("end");
      co_return 3;
    };
    const weft::task_handle<int> t(weft::prepare_task(me.state().loop(), body()));
    t.state().start_eagerly();
    log("caller");
    CHECK(weft::current_task() == me);
    CHECK(weft::all_tasks().size() == 2);
    const int n = co_await t;
    CHECK(n == 3);
    CHECK(log.text() == "begin caller end");
  });
}

TEST_CASE("a task that is started eagerly may end at once, fail, start others, and be cancelled later",
          "[core][task_state]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::event_loop& loop = weft::event_loop::current();
    const auto start = [&](weft::task<> body) {
      weft::task_handle<> t(weft::prepare_task(loop, std::move(body)));
      t.state().start_eagerly();
      return t;
    };
    const auto ended = start(nothing());
    CHECK(ended.done());
    const auto fails = []() -> weft::task<> {
      co_await nothing();
      throw std::runtime_error("broken");
    };
    const auto failed = start(fails());
    CHECK(failed.done());
    CHECK_THROWS_AS(failed.result(), std::runtime_error);
    weft::task_handle<> inner;
    const auto starts = [&]() -> weft::task<> {
      inner = start(sleeper(log));
      co_await inner;
    };
    const auto outer = start(starts());
    outer.cancel();
    const auto outcomes = co_await weft::gather_outcomes(outer, inner);
    CHECK(std::get<0>(outcomes).cancelled());
    CHECK(std::get<1>(outcomes).cancelled());
    CHECK(log.text() == "sleeper_cancelled");
  });
}

// As a coroutine is that g++ 12 has made wrong code of.
class suspends_without_a_word {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state&) const noexcept {}
  void await_resume() const noexcept {}
};

TEST_CASE("a deadlock report says of a task that waits for nothing what that may be", "[core][task_state]") {
  std::string report;
  try {
    run_on_virtual_time([]() -> weft::task<> { co_await suspends_without_a_word(); });
  } catch (const weft::deadlock_error& e) {
    report = e.what();
  }
  CHECK_THAT(report, contains("waits for nothing that it has named") && contains("coroutines-on-gcc-12.md"));
}

}  // namespace core_task_state_test
