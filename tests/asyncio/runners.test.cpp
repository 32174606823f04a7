// CPython's tests of asyncio.run() and asyncio.Runner, for weft/core/run.hpp and event_loop::run_until_complete().
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <signal.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace asyncio_runners_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::in_child;
using weft_test::loop_on_virtual_time;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;

weft::task<int> answer_later() {
  co_await weft::yield();
  co_return 42;
}

// ---- run ----

// CPython: runners RunTests.test_asyncio_run_return
TEST_CASE("run gives the result of a main task that had to wait for it", "[asyncio][runners]") {
  CHECK(weft::run(answer_later()) == 42);
}

// CPython: runners RunTests.test_asyncio_run_raises
TEST_CASE("run rethrows the exception of a main task that had to wait", "[asyncio][runners]") {
  const auto fail = []() -> weft::task<> {
    co_await weft::yield();
    throw std::domain_error("spam");
  };
  CHECK_THROWS_AS(weft::run(fail), std::domain_error);
  CHECK_THROWS_WITH(weft::run(fail), "spam");
}

// CPython: runners RunTests.test_asyncio_run_from_running_loop
TEST_CASE("a main task that runs run gets a usage_error, and the inner task never starts", "[asyncio][runners]") {
  bool started = false;
  const auto body = [&]() -> weft::task<> {
    auto inner = [&]() -> weft::task<> {
      started = true;
      co_return;
    };
    weft::run(inner);
    co_return;
  };
  CHECK_THROWS_AS(run_on_virtual_time(body), weft::usage_error);
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("run() inside a running loop"));
  CHECK_FALSE(started);
}

// CPython: runners RunTests.test_asyncio_run_cancels_hanging_tasks
TEST_CASE("run has cancelled what main has left behind when it returns", "[asyncio][runners]") {
  weft::task_handle<> left_over;
  bool slept = false;
  const auto body = [&]() -> weft::task<int> {
    auto sleep = [&]() -> weft::task<> {
      co_await weft::sleep_for(100ms);
      slept = true;
    };
    left_over = weft::create_task(sleep);
    co_return 123;
  };
  CHECK(run_on_virtual_time(body) == 123);
  CHECK(left_over.cancelled());
  CHECK_FALSE(slept);
}

// CPython: runners RunTests.test_asyncio_run_cancels_hanging_tasks
TEST_CASE("run cancels workers that wait at a queue of main's, though that has gone", "[asyncio][runners]") {
  event_log log;
  const auto body = [&]() -> weft::task<int> {
    weft::queue<int> jobs;
    auto work = [&]() -> weft::task<> {
      const says_goodbye end(log, "end");
      for (;;) co_await jobs.get();
    };
    for (int i = 0; i < 2; ++i) weft::create_task(work);
    co_await weft::yield();
    co_return 123;
  };
  CHECK(run_on_virtual_time(body) == 123);
  CHECK(log.text() == "end end");
}

// CPython: runners RunTests.test_asyncio_run_reports_hanging_tasks_errors
TEST_CASE("what a left-over task throws when run cancels it is reported, and run returns normally",
          "[asyncio][runners]") {
  reports told;
  weft::task_handle<> left_over;  // the loop's handler is told at the end of run, though somebody holds the task
  const auto body = [&]() -> weft::task<int> {
    told.listen();
    auto fail_when_cancelled = []() -> weft::task<> {
      try {
        co_await weft::sleep_for(100ms);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error("broken");
      }
    };
    left_over = weft::create_task(fail_when_cancelled(), "left over");
    co_await weft::yield();
    co_return 123;
  };
  CHECK(run_on_virtual_time(body) == 123);
  CHECK(left_over.done());
  CHECK(told.count() == 1);
  CHECK_THAT(told.text(), contains("'left over': broken"));
}

// CPython: runners RunTests.test_asyncio_run_closes_gens_after_hanging_tasks_errors
TEST_CASE("run ends the async generator of a task that it has cancelled, and throws what the main task has thrown",
          "[asyncio][runners]") {
  reports told;
  weft::async_generator<int> spinner;
  weft::task_handle<> lazy;
  bool ended = false;
  const auto fidget = [&]() -> weft::async_generator<int> {
    const std::shared_ptr<void> at_end(nullptr, [&](void*) { ended = true; });
    for (;;) {
      co_yield 1;
      co_await weft::sleep_for(1s);
    }
  };
  const auto spin = [&]() -> weft::task<> {
    spinner = fidget();
    try {
      while (auto n = co_await spinner.next()) CHECK(*n == 1);
    } catch (const weft::cancelled_error&) {
      throw std::domain_error("division by zero");
    }
  };
  const auto main = [&]() -> weft::task<> {
    told.listen();
    lazy = weft::create_task(spin);
    co_await weft::yield();
    throw std::runtime_error("fancy exit");
  };
  CHECK_THROWS_WITH(run_on_virtual_time(main), "fancy exit");
  CHECK(lazy.done());
  CHECK(ended);
  CHECK_THAT(told.text(), contains("division by zero"));
}

// ---- a loop that is run more than once: asyncio.Runner ----

// CPython: runners RunnerTests.test_run
TEST_CASE("a loop runs one task after the other, and refuses posts when it has gone", "[asyncio][runners]") {
  std::optional<weft::remote_loop> remote;
  {
    weft::event_loop loop;
    CHECK(loop.run_until_complete(answer_later()) == 42);
    CHECK(loop.run_until_complete(answer_later) == 42);
    CHECK_FALSE(loop.is_closed());
    remote = loop.remote();
  }
  CHECK_THROWS_AS(remote->call_soon_threadsafe([] {}), weft::loop_closed_error);
}

// CPython: runners RunnerTests.test_explicit_close
TEST_CASE("a loop can be ended before it ever ran, and what refers to it finds it closed", "[asyncio][runners]") {
  reports told;
  std::optional<weft::event_loop> loop(std::in_place);
  told.listen(*loop);
  const weft::task_handle<int> never_ran = loop->create_task(answer_later());
  const weft::remote_loop remote = loop->remote();
  weft::cancel_all_tasks(*loop);
  loop.reset();
  CHECK(never_ran.cancelled());
  CHECK_FALSE(never_ran.cancel());
  CHECK_THROWS_AS(never_ran.add_done_callback([](const weft::task_ref&) {}), weft::loop_closed_error);
  CHECK_THROWS_AS(remote.call_soon_threadsafe([] {}), weft::loop_closed_error);
  CHECK(told.text().empty());
}

// CPython: runners RunnerTests.test_double_close
TEST_CASE_METHOD(loop_on_virtual_time, "ending the tasks of a loop a second time does nothing", "[asyncio][runners]") {
  const weft::task_handle<int> task = loop.create_task(answer_later());
  weft::cancel_all_tasks(loop);
  CHECK(task.cancelled());
  CHECK_NOTHROW(weft::cancel_all_tasks(loop));
  CHECK_FALSE(loop.is_closed());
}

// CPython: runners RunnerTests.test_recursive_run
TEST_CASE_METHOD(loop_on_virtual_time, "a loop refuses to run a task inside one of its own, which is destroyed unrun",
                 "[asyncio][runners]") {
  event_log log;
  auto inner = [&](says_goodbye) -> weft::task<> {
    log("started");
    co_return;
  };
  auto outer = [&]() -> weft::task<> {
    loop.run_until_complete(inner(says_goodbye(log, "destroyed")));
    co_return;
  };
  CHECK_THROWS_AS(loop.run_until_complete(outer()), weft::usage_error);
  CHECK(log.text() == "destroyed");
  CHECK(loop.run_until_complete(answer_later()) == 42);
}

// ---- SIGINT ----

// In a child process: how run() ends, as a number.
enum ending : int { returned, interrupted, cancelled };

template <class Main>
int run_in_child(Main main) {
  return in_child([&]() -> int {
    try {
      run_on_virtual_time(main);
      return returned;
    } catch (const weft::keyboard_interrupt&) {
      return interrupted;
    } catch (const weft::cancelled_error&) {
      return cancelled;
    }
  });
}

void interrupt() { ::raise(SIGINT); }

// CPython: runners RunnerTests.test_interrupt_call_soon
TEST_CASE("SIGINT reaches a main task that only yields, and run throws keyboard_interrupt", "[asyncio][runners]") {
  const auto main = []() -> weft::task<> {
    weft::event_loop::current().call_soon(interrupt);
    bool told = false;
    try {
      for (;;) co_await weft::yield();
    } catch (const weft::cancelled_error&) {
      told = true;
    }
    if (told) throw weft::cancelled_error();
  };
  CHECK(run_in_child(main) == interrupted);
}

// CPython: runners RunnerTests.test_interrupt_wait
TEST_CASE("SIGINT cancels the main task and the future that it waits for", "[asyncio][runners]") {
  bool caught = false;
  const auto main = [&caught]() -> weft::task<> {
    weft::future<> f;
    weft::event_loop::current().call_later(100ms, interrupt);
    try {
      co_await f;
    } catch (const weft::cancelled_error&) {
      caught = true;
    }
    if (caught && f.cancelled()) throw weft::cancelled_error();  // else run returns, which the parent sees
  };
  CHECK(run_in_child(main) == interrupted);
}

// CPython: runners RunnerTests.test_interrupt_cancelled_task
TEST_CASE("SIGINT for a main task that is being cancelled anyway leaves it cancelled_error", "[asyncio][runners]") {
  const auto main = []() -> weft::task<> {
    auto cancel_and_interrupt = [](weft::task_ref target) -> weft::task<> {
      co_await weft::yield();
      target.cancel();
      interrupt();
    };
    weft::create_task(cancel_and_interrupt, weft::current_task());
    co_await weft::sleep_for(10s);
  };
  CHECK(run_in_child(main) == cancelled);
}

}  // namespace asyncio_runners_test
