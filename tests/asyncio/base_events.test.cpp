// What CPython's tests of asyncio.BaseEventLoop say of passes, timers, stopping, errors and the making of tasks.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pipe.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"

#include <weft/core/callback.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/run.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/sync/future.hpp>
#include <weft/time/sleep.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace asyncio_base_events_test {

using namespace std::chrono_literals;
using weft::time_point;
using weft_test::contains;
using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::reports;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

[[noreturn]] void breaks() { throw std::domain_error("broken"); }
struct no_action final : weft::runnable {
  void run() override {}
};
// Calls fn(&loop) while the loop closes: when what it has not called is destroyed.
template <class F>
void when_it_closes(weft::event_loop& loop, F fn) {
  loop.call_soon([kept = std::shared_ptr<weft::event_loop>(&loop, fn)] {});
}
// What fn() writes to stderr.
template <class F>
std::string written_to_stderr(F fn) {
  const weft_test::channel pipe;
  const weft::detail::unique_fd former(::dup(STDERR_FILENO));
  ::dup2(pipe.writer.get(), STDERR_FILENO);
  fn();
  ::dup2(former.get(), STDERR_FILENO);
  char text[2000];
  const ssize_t length = ::read(pipe.reader.get(), text, sizeof text);
  return std::string(text, text + std::max<ssize_t>(length, 0));
}
weft::task<> naps(weft::duration time) { co_await weft::sleep_for(time); }

// ---- callbacks and timers ----

// CPython: base_events BaseEventLoopTests.test__add_callback_handle
// CPython: base_events BaseEventLoopTests.test_call_soon
TEST_CASE_METHOD(loop_on_virtual_time, "call_soon puts a function into the next pass and arms no timer",
                 "[asyncio][base_events]") {
  event_log log;
  const weft::callback_handle handle = loop.call_soon([&] { log("called"); });
  CHECK(loop.armed_timers() == 0);
  CHECK_FALSE(handle.cancelled());
  CHECK(log.text().empty());
  run_one_pass(loop);
  CHECK(log.text() == "called");
}

// CPython: base_events BaseEventLoopTests.test__add_callback_cancelled_handle
TEST_CASE_METHOD(loop_on_virtual_time, "a callback that is cancelled is in no pass any more",
                 "[asyncio][base_events]") {
  event_log log;
  weft::callback_handle handle = loop.call_soon([&] { log("called"); });
  handle.cancel();
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);  // nothing is ready
  CHECK(log.text().empty());
}

// CPython: base_events BaseEventLoopTests.test_call_later
TEST_CASE_METHOD(loop_on_virtual_time, "call_later arms a timer, and the next pass does not call it",
                 "[asyncio][base_events]") {
  event_log log;
  const weft::timer_handle handle = loop.call_later(10s, [&] { log("called"); });
  CHECK(loop.armed_timers() == 1);
  CHECK(handle.when() == time_point{10s});
  run_one_pass(loop);
  CHECK(log.text().empty());
  CHECK(loop.armed_timers() == 1);
}

// CPython: base_events BaseEventLoopTests.test_call_later_negative_delays
TEST_CASE_METHOD(loop_on_virtual_time, "of two delays that are over the one that is longer over comes first",
                 "[asyncio][base_events]") {
  event_log log;
  loop.call_later(-1s, std::ref(log), "a");
  loop.call_later(-2s, std::ref(log), "b");
  run_one_pass(loop);
  CHECK(log.text() == "b a");
}

// CPython: base_events BaseEventLoopTests.test_time_and_call_at
TEST_CASE_METHOD(loop_on_virtual_time, "call_at calls at a time on the loop's own clock", "[asyncio][base_events]") {
  time.advance(1h);
  const time_point when = loop.time() + 100ms;
  loop.call_at(when, [&] { loop.stop(); });
  loop.run_forever();
  CHECK(loop.time() == when);
}

// CPython: base_events BaseEventLoopTests.test__run_once
TEST_CASE_METHOD(loop_on_virtual_time, "the loop does not wake for a timer that was cancelled",
                 "[asyncio][base_events]") {
  weft::timer_handle first = loop.call_later(5s, [] {});
  loop.call_later(10s, [&] { loop.stop(); });
  first.cancel();
  loop.call_soon([] {});
  run_one_pass(loop);  // has something to do
  CHECK(loop.time() == time_point{0s});
  loop.run_forever();
  CHECK(loop.time() == time_point{10s});
  CHECK(loop.armed_timers() == 0);
}

// CPython: base_events BaseEventLoopTests.test__run_once_schedule_handle
TEST_CASE_METHOD(loop_on_virtual_time, "what a timer's function queues waits for the next pass",
                 "[asyncio][base_events]") {
  event_log log;
  loop.call_at(time_point{-1s}, [&] {
    log("timer");
    loop.call_soon([&] { log("queued_by_it"); });
  });
  run_one_pass(loop);
  CHECK(log.text() == "timer");
  run_one_pass(loop);
  CHECK(log.text() == "timer queued_by_it");
}

// CPython: base_events BaseEventLoopTests.test__run_once_cancelled_event_cleanup
TEST_CASE_METHOD(loop_on_virtual_time, "cancelled timers do not pile up behind one that is armed",
                 "[asyncio][base_events]") {
  loop.call_later(3000s, [] {});
  for (int i = 0; i < 200; ++i) {
    weft::timer_handle before = loop.call_later(100s, [] {});
    weft::timer_handle after = loop.call_later(3600s, [] {});
    loop.call_later(7200s, [] {});
    after.cancel();
    before.cancel();
  }
  CHECK(loop.armed_timers() == 201);
  run_one_pass(loop);
  CHECK(loop.armed_timers() == 201);
}

// CPython: base_events BaseEventLoopTests.test_check_thread
TEST_CASE("call_soon, call_later and call_at are refused in another thread while the loop runs",
          "[asyncio][base_events]") {
  const weft_test::time_limit limit;
  const bool has_a_loop_itself = GENERATE(false, true);
  weft::event_loop loop;
  int refusals = 0;
  bool called = false;
  const auto try_all = [&] {
    for (int how = 0; how < 3; ++how) {
      try {
        if (how == 0) loop.call_soon([&] { called = true; });
        if (how == 1) loop.call_later(0s, [&] { called = true; });
        if (how == 2) loop.call_at(loop.time(), [&] { called = true; });
      } catch (const weft::usage_error&) {
        ++refusals;
      }
    }
  };
  std::thread other;
  loop.call_soon([&] {
    other = std::thread([&, remote = loop.remote()] {
      if (has_a_loop_itself) {
        weft::event_loop own;
        own.call_soon([&] {
          try_all();
          own.stop();
        });
        own.run_forever();
      } else {
        try_all();
      }
      remote.call_soon_threadsafe([&] { loop.stop(); });
    });
  });
  loop.run_forever();
  other.join();
  CHECK(refusals == 3);
  CHECK_FALSE(called);
}

// ---- running and stopping ----

// CPython: base_events BaseEventLoopTests.test_run_once
TEST_CASE_METHOD(loop_on_virtual_time, "a queued stop() ends the loop after the pass, with all that was queued before",
                 "[asyncio][base_events]") {
  int calls = 0;
  loop.call_soon([&] { ++calls; });
  loop.call_soon([&] { loop.stop(); });
  loop.call_soon([&] {
    ++calls;
    loop.call_soon([&] { calls += 100; });
  });
  loop.run_forever();
  CHECK(calls == 2);
}

// CPython: base_events BaseEventLoopTests.test_run_forever_pre_stopped
TEST_CASE_METHOD(loop_on_virtual_time, "a loop that is stopped before it runs makes one pass, and does not wait",
                 "[asyncio][base_events]") {
  loop.call_later(1h, [] {});
  loop.stop();
  loop.run_forever();
  CHECK(loop.time() == time_point{0s});
  loop.call_soon([&] { loop.stop(); });  // the stop was used up: this one is needed
  loop.run_forever();
  CHECK(loop.time() == time_point{0s});
}

// CPython: base_events BaseEventLoopTests.test_single_selecter_event_callback_after_stopping
TEST_CASE("a loop that was stopped and runs again calls for a descriptor once in each pass, unless that was taken back",
          "[asyncio][base_events]") {
  struct counts final : weft::runnable {
    void run() override { ++calls; }
    int calls = 0;
  };
  const weft_test::channel pipe;
  counts on_ready;
  weft::event_loop loop;
  pipe.send();
  loop.watch(pipe.reader.get(), weft::interest::read, on_ready);
  loop.call_soon([&] { loop.stop(); });
  loop.run_forever();
  CHECK(on_ready.calls == 1);
  loop.call_soon([&] {  // runs before what this pass has queued for the descriptor
    loop.unwatch(pipe.reader.get());
    on_ready.unlink();
  });
  loop.call_soon([&] { loop.stop(); });
  loop.run_forever();
  CHECK(on_ready.calls == 1);
}

// CPython: base_events BaseEventLoopTests.test_run_until_complete_loop
TEST_CASE("run_until_complete refuses a task of another loop, which keeps it", "[asyncio][base_events]") {
  const weft_test::time_limit limit;
  weft::virtual_clock time;
  weft::event_loop home({.clock = &time});
  weft::event_loop other({.clock = &time});
  const weft::task_handle<> task = home.create_task(naps(1s));
  CHECK_THROWS_AS(other.run_until_complete(task), std::invalid_argument);
  CHECK_FALSE(task.done());
  home.run_until_complete(task);  // it is as good as before
  CHECK(task.done());
}

// CPython: base_events BaseEventLoopTests.test_run_until_complete_loop_orphan_future_close_loop
TEST_CASE_METHOD(loop_on_virtual_time, "a task whose run_until_complete was interrupted does not stop a later one",
                 "[asyncio][base_events]") {
  const weft::future<> gate(loop);
  const auto passes_the_gate = [&]() -> weft::task<> { co_await gate; };
  const weft::task_handle<> orphan = loop.create_task(passes_the_gate);
  CHECK_THROWS_AS(loop.run_until_complete(orphan), weft::deadlock_error);
  loop.call_later(100ms, [&] { gate.set_result(); });
  loop.run_until_complete(naps(200ms));
  CHECK(orphan.done());
  CHECK(loop.time() == time_point{200ms});
}

// CPython: base_events BaseEventLoopTests.test_run_until_complete_baseexception
TEST_CASE_METHOD(loop_on_virtual_time, "a task that ends with keyboard_interrupt leaves no stop() behind in the loop",
                 "[asyncio][base_events]") {
  const auto interrupts = []() -> weft::task<> {
    throw weft::keyboard_interrupt();
    co_return;
  };
  CHECK_THROWS_AS(loop.run_until_complete(interrupts), weft::keyboard_interrupt);
  bool called = false;
  loop.call_soon([&] {
    loop.call_soon([&] {
      called = true;
      loop.stop();
    });
  });
  loop.run_forever();
  CHECK(called);
}

// CPython: base_events BaseEventLoopTests.test_run_forever_keyboard_interrupt
TEST_CASE("a keyboard_interrupt that run_until_complete throws counts as looked at", "[asyncio][base_events]") {
  reports told;
  {
    weft::event_loop loop;
    told.listen(loop);
    const auto interrupts = []() -> weft::task<> {
      throw weft::keyboard_interrupt();
      co_return;
    };
    CHECK_THROWS_AS(loop.run_until_complete(interrupts), weft::keyboard_interrupt);
  }
  CHECK(told.text().empty());
}

// CPython: base_events RunningLoopTests.test_running_loop_within_a_loop
TEST_CASE_METHOD(loop_on_virtual_time, "no loop runs inside of another one", "[asyncio][base_events]") {
  loop_on_virtual_time inner;
  inner.loop.call_soon([&] { inner.loop.stop(); });
  const auto runs_the_other = [&]() -> weft::task<> {
    inner.loop.run_forever();
    co_return;
  };
  CHECK_THROWS_AS(loop.run_until_complete(runs_the_other), weft::usage_error);
  CHECK_FALSE(inner.loop.is_running());
  inner.loop.run_forever();  // but after it
}

// ---- a loop that goes ----

// CPython: base_events BaseEventLoopTests.test_close
// CPython: events EventLoopTestsMixin.test_close
// CPython: events EventLoopTestsMixin.test_add_fds_after_closing
// CPython: events EventLoopTestsMixin.test_remove_fds_after_closing
TEST_CASE("a loop that closes cannot be run, and takes nothing any more", "[asyncio][base_events]") {
  event_log log;
  const weft_test::channel pipe;
  no_action on_ready;
  std::optional<weft::remote_loop> remote;
  {
    weft::event_loop loop;
    CHECK_FALSE(loop.is_closed());
    remote = loop.remote();
    when_it_closes(loop, [&](weft::event_loop* l) {
      CHECK(l->is_closed());
      CHECK_THROWS_AS(l->run_forever(), weft::loop_closed_error);
      CHECK_THROWS_AS(l->run_until_complete(naps(1s)), weft::loop_closed_error);
      CHECK_THROWS_AS(weft::future<>(*l), weft::loop_closed_error);
      CHECK_THROWS_AS(l->call_soon(breaks), weft::loop_closed_error);
      CHECK_THROWS_AS(l->call_later(1s, breaks), weft::loop_closed_error);
      CHECK_THROWS_AS(l->call_at(l->time(), breaks), weft::loop_closed_error);
      CHECK_THROWS_AS(l->create_task(naps(1s)), weft::loop_closed_error);
      CHECK_THROWS_AS(remote->call_soon_threadsafe(breaks), weft::loop_closed_error);
      CHECK_THROWS_AS(l->watch(pipe.reader.get(), weft::interest::read, on_ready), weft::loop_closed_error);
      l->unwatch(pipe.reader.get());
      log("refused");
    });
  }
  CHECK_THROWS_AS(remote->call_soon_threadsafe(breaks), weft::loop_closed_error);
  CHECK(log.text() == "refused");
}

// CPython: base_events BaseEventLoopTests.test_create_task_error_closes_coro
TEST_CASE("create_task on a loop that closes destroys the coroutine", "[asyncio][base_events]") {
  event_log log;
  const auto owner = [](weft_test::says_goodbye) -> weft::task<> { co_return; };
  {
    weft::event_loop loop;
    when_it_closes(loop, [&](weft::event_loop* l) {
      CHECK_THROWS_AS(l->create_task(owner(weft_test::says_goodbye(log, "destroyed"))), weft::loop_closed_error);
      log("refused");
    });
  }
  CHECK(log.text() == "destroyed refused");
}

// ---- making tasks ----

// CPython: base_events BaseEventLoopTests.test_create_named_task_with_default_factory
TEST_CASE_METHOD(loop_on_virtual_time, "loop.create_task gives the task the name that it is given",
                 "[asyncio][base_events]") {
  const weft::task_handle<> task = loop.create_task(naps(1ms), "test_task");
  CHECK(task.name() == "test_task");
  loop.run_until_complete(task);
  CHECK(task.name() == "test_task");
}

// ---- the exception handler ----

// CPython: base_events BaseEventLoopTests.test_default_exc_handler_callback
TEST_CASE_METHOD(loop_on_virtual_time, "an exception of a callback or a timer is reported, and the loop goes on",
                 "[asyncio][base_events]") {
  reports told;
  told.listen(loop);
  const auto sets_and_breaks = [](const weft::future<>& future) {
    future.set_result();
    breaks();
  };
  const bool later = GENERATE(false, true);
  const weft::future<> future(loop);
  future.add_done_callback([&](const weft::future<>&) { loop.stop(); });
  if (later) {
    loop.call_later(10ms, sets_and_breaks, future);
  } else {
    loop.call_soon(sets_and_breaks, future);
  }
  loop.run_forever();
  CHECK(told.text() == "Exception in callback: broken");
}

// CPython: base_events BaseEventLoopTests.test_default_exc_handler_coro
TEST_CASE_METHOD(loop_on_virtual_time, "an exception of a task that nobody looks at is reported with the last handle",
                 "[asyncio][base_events]") {
  reports told;
  told.listen(loop);
  const auto fails = []() -> weft::task<> {
    co_await weft::sleep_for(10ms);
    breaks();
  };
  weft::task_handle<> task = loop.create_task(fails);
  task.add_done_callback([&](const weft::task_ref&) { loop.stop(); });
  loop.run_forever();
  CHECK(told.count() == 0);
  task = {};
  CHECK(told.text() == "Task exception was never retrieved: 'Task-1': broken");
}

// CPython: base_events BaseEventLoopTests.test_set_exc_handler_custom
TEST_CASE_METHOD(loop_on_virtual_time,
                 "a loop's exception handler is told of what a callback throws, until it is removed",
                 "[asyncio][base_events]") {
  reports told;
  told.listen(loop);
  loop.call_soon(breaks);
  run_one_pass(loop);
  CHECK(told.text() == "Exception in callback: broken");
  loop.set_exception_handler(nullptr);
  loop.call_soon(breaks);
  const std::string text = written_to_stderr([&] { run_one_pass(loop); });
  CHECK_THAT(text, contains("Exception in callback") && contains("broken"));
  CHECK(told.count() == 1);
}

// CPython: base_events BaseEventLoopTests.test_set_exc_handler_broken
// CPython: base_events BaseEventLoopTests.test_default_exc_handler_broken
TEST_CASE_METHOD(loop_on_virtual_time, "an exception handler that throws is reported itself, with what it was told",
                 "[asyncio][base_events]") {
  loop.set_exception_handler([](const weft::exception_context&) { throw std::logic_error("a wrong handler"); });
  bool went_on = false;
  loop.call_soon(breaks);
  loop.call_soon([&] { went_on = true; });
  const std::string text = written_to_stderr([&] { run_one_pass(loop); });
  CHECK_THAT(text, contains("Unhandled error in exception handler") && contains("a wrong handler"));
  CHECK_THAT(text, contains("Exception in callback") && contains("broken"));
  CHECK(went_on);
}

}  // namespace asyncio_base_events_test
