// What CPython's test_tasks states about asyncio.wait() and asyncio.as_completed(), on weft.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/as_completed.hpp>
#include <weft/flow/wait.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstddef>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace asyncio_tasks_wait_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;
using weft_test::run_one_pass;

using handles = std::vector<weft::task_handle<std::string>>;

weft::task<std::string> gives_after(std::chrono::milliseconds time, std::string value) {
  co_await weft::sleep_for(time);
  co_return value;
}
weft::task<std::string> gives_after_passes(int passes, std::string value) {
  for (int i = 0; i < passes; ++i) co_await weft::yield();
  co_return value;
}
weft::task<std::string> fails_after(std::chrono::milliseconds time) {
  if (time > 0ms) co_await weft::sleep_for(time);
  throw std::runtime_error("err");
}
weft::task_handle<std::string> start(weft::task<std::string> task) { return weft::create_task(std::move(task)); }

// ---- wait ----

// CPython: tasks BaseTaskTests.test_wait
TEST_CASE("wait takes as long as the longest task, and no time when all are done", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = start(gives_after(100ms, "a"));
    auto b = start(gives_after(150ms, "b"));
    const handles both{b, a};
    auto first = co_await weft::wait(both);
    CHECK(first.done == both);
    CHECK(first.pending.empty());
    CHECK(now_ms() == 150);
    const pass_counter counter;
    auto again = co_await weft::wait(both);
    CHECK(again.done == both);
    CHECK(counter.passes() == 2);
    CHECK(now_ms() == 150);
  });
}

// CPython: tasks BaseTaskTests.test_wait_errors
TEST_CASE("to wait for no tasks at all is refused", "[asyncio][tasks]") {
  auto body = []() -> weft::task<> {
    const handles none;
    co_await weft::wait(none);
  };
  CHECK_THROWS_AS(run_on_virtual_time(body), std::invalid_argument);
}

// CPython: tasks BaseTaskTests.test_wait_first_completed
TEST_CASE("wait for the first one returns when it has ended and leaves the others alone", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = start(gives_after(10s, "a"));
    auto b = start(gives_after(100ms, "b"));
    const handles both{b, a};
    auto result = co_await weft::wait(both, weft::first_completed);
    CHECK(result.done == handles{b});
    CHECK(result.pending == handles{a});
    CHECK(now_ms() == 100);
    co_await a;
    CHECK(now_ms() == 10'000);
  });
}

// CPython: tasks BaseTaskTests.test_wait_really_done
TEST_CASE("a task that ends while the news of the first one travels counts as done", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    const pass_counter counter;
    auto a = start(gives_after_passes(1, "a"));
    auto b = start(gives_after_passes(2, "b"));
    const handles both{b, a};
    auto result = co_await weft::wait(both, weft::first_completed);
    CHECK(result.done == both);
    CHECK(result.pending.empty());
    CHECK(counter.passes() == 4);
  });
}

// CPython: tasks BaseTaskTests.test_wait_first_exception
TEST_CASE("wait for the first exception returns when a task has failed", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = start(gives_after(10s, "a"));
    auto b = start(fails_after(0ms));
    const handles both{b, a};
    auto result = co_await weft::wait(both, weft::first_exception);
    CHECK(result.done == handles{b});
    CHECK(result.pending == handles{a});
    CHECK(now_ms() == 0);
  });
}

// CPython: tasks BaseTaskTests.test_wait_first_exception_in_wait
TEST_CASE("wait for the first exception passes over a task that ends well", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = start(gives_after(10s, "a"));
    auto b = start(fails_after(10ms));
    auto c = start(gives_after(5ms, "c"));
    const handles all{b, c, a};
    auto result = co_await weft::wait(all, weft::first_exception);
    CHECK(result.done == handles{b, c});
    CHECK(result.pending == handles{a});
    CHECK(now_ms() == 10);
  });
}

// CPython: tasks BaseTaskTests.test_wait_with_exception
TEST_CASE("wait does not throw what the tasks throw, but leaves it to be looked at", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = start(gives_after(100ms, "a"));
    auto b = start(fails_after(150ms));
    const handles both{b, a};
    for (int i = 0; i < 2; ++i) {
      auto result = co_await weft::wait(both);
      CHECK(result.done == both);
      CHECK(result.pending.empty());
      CHECK(now_ms() == 150);
    }
    CHECK_FALSE(b.exception_retrieved());
    CHECK(b.exception() != nullptr);
    CHECK(a.exception() == nullptr);
  });
}

// CPython: tasks BaseTaskTests.test_wait_with_timeout
TEST_CASE("a wait whose time is over neither throws nor cancels", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = start(gives_after(100ms, "a"));
    auto b = start(gives_after(150ms, "b"));
    const handles both{b, a};
    auto result = co_await weft::wait(both, weft::all_completed, 110ms);
    CHECK(result.done == handles{a});
    CHECK(result.pending == handles{b});
    CHECK(now_ms() == 110);
    const std::string& late = co_await b;
    CHECK(late == "b");
  });
}

// CPython: tasks BaseTaskTests.test_wait_concurrent_complete
TEST_CASE("a task that ends at the very time limit of the wait counts as done", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = start(gives_after(100ms, "a"));
    auto b = start(gives_after(150ms, "b"));
    const handles both{b, a};
    co_await weft::yield();  // both sleep already: theirs are the older timers
    auto result = co_await weft::wait(both, weft::all_completed, 100ms);
    CHECK(result.done == handles{a});
    CHECK(result.pending == handles{b});
    CHECK(now_ms() == 100);
  });
}

// CPython: tasks BaseTaskTests.test_wait_with_iterator_of_tasks
TEST_CASE("wait takes a view that makes the handles as it goes", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles both{start(gives_after(150ms, "b")), start(gives_after(100ms, "a"))};
    auto pick = [&](std::size_t i) { return both[i]; };
    auto view = std::views::iota(std::size_t{0}, both.size()) | std::views::transform(pick);
    auto result = co_await weft::wait(view);
    CHECK(result.done == both);
    CHECK(result.pending.empty());
    CHECK(now_ms() == 150);
  });
}

// CPython: tasks BaseTaskTests.test_yield_wait_does_not_shield_cancel
TEST_CASE("a wait that is cancelled ends early and leaves the tasks running", "[asyncio][tasks]") {
  loop_on_virtual_time on;
  event_log log;
  const weft::future<> waiter(on.loop);
  auto inner = [&]() -> weft::task<> {
    co_await waiter;
    log("inner");
  };
  auto outer = [&]() -> weft::task<> {
    const std::vector<weft::task_handle<>> tasks{weft::create_task(inner)};
    co_await weft::wait(tasks);
    log("outer");
  };
  auto task = on.loop.create_task(outer);
  run_one_pass(on.loop);
  run_one_pass(on.loop);
  task.cancel();
  CHECK_THROWS_AS(on.loop.run_until_complete(task), weft::cancelled_error);
  CHECK_FALSE(waiter.done());
  waiter.set_result();
  run_one_pass(on.loop);
  CHECK(log.text() == "inner");
}

// ---- as_completed ----

// CPython: tasks BaseTaskTests.test_as_completed
TEST_CASE("as_completed gives the tasks in the order in which they end", "[asyncio][tasks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const handles tasks{start(gives_after(20ms, "b")), start(gives_after(150ms, "c")), start(gives_after(10ms, "a"))};
    auto results = weft::as_completed(tasks);
    while (auto next = co_await results.next()) log(next->result() + "@" + std::to_string(now_ms()));
    CHECK(now_ms() == 150);
  });
  CHECK(log.text() == "a@10 b@20 c@150");
}

// CPython: tasks BaseTaskTests.test_as_completed_with_timeout
TEST_CASE("as_completed throws once its time is over, for each task that is left", "[asyncio][tasks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const handles tasks{start(gives_after(100ms, "a")), start(gives_after(150ms, "b"))};
    auto results = weft::as_completed(tasks, 120ms);
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      try {
        auto next = co_await results.next();
        log(next->result());
      } catch (const weft::timeout_error&) {
        log("timeout@" + std::to_string(now_ms()));
      }
    }
    auto after = co_await results.next();
    CHECK_FALSE(after.has_value());
    const std::string& late = co_await tasks[1];  // not cancelled
    CHECK(late == "b");
  });
  CHECK(log.text() == "a timeout@120");
}

// CPython: tasks BaseTaskTests.test_as_completed_with_unused_timeout
TEST_CASE("as_completed drops its time limit when the last task has ended", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks{start(gives_after(10ms, "a"))};
    auto results = weft::as_completed(tasks, 1s);
    auto next = co_await results.next();
    CHECK(next->result() == "a");
    CHECK(weft::event_loop::current().armed_timers() == 0);
    auto after = co_await results.next();
    CHECK_FALSE(after.has_value());
    CHECK(now_ms() == 10);
  });
}

// CPython: tasks BaseTaskTests.test_as_completed_reverse_wait
// CPython: tasks BaseTaskTests.test_as_completed_concurrent
TEST_CASE("several may wait for the next task: the first to wait gets the first to end", "[asyncio][tasks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const handles tasks{start(gives_after(100ms, "b")), start(gives_after(50ms, "a"))};
    auto results = weft::as_completed(tasks);
    auto take = [&](std::string name) -> weft::task<> {
      auto next = co_await results.next();
      log(name + ":" + next->result() + "@" + std::to_string(now_ms()));
    };
    auto first = weft::create_task(take, std::string("first"));
    auto second = weft::create_task(take, std::string("second"));
    co_await second;
    CHECK(first.done());
  });
  CHECK(log.text() == "first:a@50 second:b@100");
}

// CPython: tasks BaseTaskTests.test_as_completed_same_tasks_in_as_out
TEST_CASE("as_completed gives the very tasks that it was given", "[asyncio][tasks]") {
  run_on_virtual_time([]() -> weft::task<> {
    const handles tasks{start(gives_after_passes(0, "a")), start(gives_after_passes(0, "b"))};
    handles out;
    auto results = weft::as_completed(tasks);
    while (auto next = co_await results.next()) out.push_back(*next);
    CHECK(out == tasks);
  });
}

// CPython: tasks BaseTaskTests.test_as_completed_resume_iterator
TEST_CASE("as_completed can be left and gone on with later", "[asyncio][tasks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const handles tasks{start(gives_after(1ms, "a")), start(gives_after(2ms, "b")), start(gives_after(3ms, "c"))};
    auto results = weft::as_completed(tasks);
    while (auto next = co_await results.next()) {
      log(next->result());
      if (next->result() == "b") break;
    }
    co_await weft::sleep_for(10ms);
    log("later");
    const pass_counter counter;
    while (auto next = co_await results.next()) log(next->result());
    CHECK(counter.passes() == 0);
  });
  CHECK(log.text() == "a b later c");
}

}  // namespace asyncio_tasks_wait_test
