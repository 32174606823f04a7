// Tests of weft/core/cancel_walk.hpp: tasks that wait for each other in a circle are told of it, cancelled, and
// destroyed.
// SPDX-License-Identifier: MIT
//
// What a cancellation does on its way through tasks and gathers is tested with those; deep ways are in
// task_state.deep_chains.test.cpp.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/time/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace core_cancel_walk_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;

weft::task<> nothing() { co_return; }
weft::task<> sleeper(event_log& log) {
  try {
    co_await weft::sleep_for(1h);
  } catch (const weft::cancelled_error&) {
    log("sleeper_cancelled");
    throw;
  }
}
weft::task<> waiter(event_log& log, weft::task_ref target) {
  try {
    co_await target;
  } catch (const weft::cancelled_error&) {
    log("waiter_cancelled");
    throw;
  }
}

// The tasks of a circle: each waits for the next, by its handle or through a gather.
struct circle {
  event_log log;
  std::vector<weft::task_handle<>> tasks;

  weft::task<> member(std::size_t i, bool gathers, bool catches) {
    const weft::task_handle<> next = tasks[(i + 1) % tasks.size()];
    const std::string name(1, static_cast<char>('A' + i));
    const says_goodbye goodbye(log, name + "_gone");
    try {
      if (gathers) {
        co_await weft::gather(next);
      } else {
        co_await next;
      }
    } catch (const weft::cancelled_error&) {
      log(name + "_cancelled");
      if (!catches) throw;
    }
  }
  // A letter for each task: 'g' waits through a gather, 'h' by handle; upper case: it swallows its cancellation.
  void start(const std::string& how) {
    tasks.resize(how.size());
    for (std::size_t i = 0; i < how.size(); ++i) {
      const char c = how[i];
      tasks[i] = weft::create_task(member(i, c == 'g' || c == 'G', c == 'G' || c == 'H'),
                                   std::string(1, static_cast<char>('A' + i)));
    }
  }
  bool all_done() const {
    for (const auto& t : tasks) {
      if (!t.done()) return false;
    }
    return true;
  }
};

TEST_CASE("tasks that wait for each other in a circle are a deadlock that names them, and run() ends them",
          "[core][cancel_walk]") {
  const weft_test::time_limit limit;
  for (const char* how : {"hh", "hhh", "gh", "gg", "ghh", "ggg"}) {
    INFO(how);
    circle c;
    reports told;
    auto body = [&]() -> weft::task<> {
      told.listen();
      c.start(how);
      co_await c.tasks[0];
    };
    std::string message;
    try {
      run_on_virtual_time(body);
    } catch (const weft::deadlock_error& e) {
      message = e.what();
    }
    CHECK_THAT(message, contains("task 'A', created at "));
    CHECK_THAT(message, contains("task 'B', created at "));
    CHECK_THAT(message, contains("waits for "));
    CHECK_THAT(message, contains("cancel_walk.test.cpp:"));
    CHECK(told.text() == "");  // none of them was destroyed while it was pending
    CHECK(c.all_done());
    for (const auto& t : c.tasks) CHECK(t.cancelled());
  }
}

TEST_CASE("cancelling one task of a circle ends them all, each with one request", "[core][cancel_walk]") {
  const weft_test::time_limit limit;
  for (const char* how : {"hh", "hhh", "gh", "hg", "gg", "hgh", "ggg"}) {
    INFO(how);
    circle c;
    run_on_virtual_time([&]() -> weft::task<> {
      c.start(how);
      co_await weft::sleep_for(1ms);
      c.tasks[0].cancel();
      co_await weft::sleep_for(1ms);
      CHECK(c.all_done());
      for (const auto& t : c.tasks) {
        CHECK(t.cancelled());
        CHECK(t.cancelling() == 1);
      }
    });
  }
}

TEST_CASE("where a circle is broken depends on nothing but the circle", "[core][cancel_walk]") {
  const weft_test::time_limit limit;
  std::string first;
  for (int unrelated = 0; unrelated < 5; ++unrelated) {
    circle c;
    run_on_virtual_time([&]() -> weft::task<> {
      std::vector<weft::task_handle<>> held;
      for (int i = 0; i < unrelated; ++i) held.push_back(weft::create_task(nothing()));
      c.start("hhh");
      auto outside = weft::create_task(waiter(c.log, c.tasks[1]));
      co_await weft::sleep_for(1ms);
      outside.cancel();
      co_await weft::sleep_for(1ms);
      CHECK(outside.cancelled());
      CHECK(c.all_done());
    });
    if (unrelated == 0) first = c.log.text();
    CHECK(c.log.text() == first);
  }
  CHECK_THAT(first, contains("waiter_cancelled"));
}

TEST_CASE("a circle is broken also where its tasks swallow what they get", "[core][cancel_walk]") {
  const weft_test::time_limit limit;
  for (const char* how : {"Hh", "HHH", "Gh", "GG"}) {
    INFO(how);
    circle c;
    run_on_virtual_time([&]() -> weft::task<> {
      c.start(how);
      co_await weft::sleep_for(1ms);
      c.tasks[0].cancel();
      co_await weft::sleep_for(1ms);
      CHECK(c.all_done());
    });
  }
}

TEST_CASE("a circle through a child that a gather started is broken, and the child is waited for",
          "[core][cancel_walk]") {
  const weft_test::time_limit limit;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::task_handle<> parent;
    auto child = [&]() -> weft::task<> {
      const says_goodbye goodbye(log, "child_gone");
      co_await parent;
    };
    auto body = [&]() -> weft::task<> {
      const says_goodbye goodbye(log, "parent_gone");
      co_await weft::gather(child(), sleeper(log));
    };
    parent = weft::create_task(body);
    co_await weft::sleep_for(1ms);
    parent.cancel();
    co_await weft::sleep_for(1ms);
    CHECK(parent.cancelled());
  });
  CHECK(log.text() == "child_gone sleeper_cancelled parent_gone");
}

// Where it is cancelled, it cancels another task from within: a second walk inside of the first one.
class cancels_another : public weft::waitable {
 public:
  explicit cancels_another(weft::task_ref other) : other_(std::move(other)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state& waiting) {
    waiting_ = &waiting;
    waiting.wait_on(*this);
  }
  void await_resume() const noexcept {}
  bool cancel(weft::cancel_walk&) noexcept override {
    weft::task_state* waiting = std::exchange(waiting_, nullptr);
    if (waiting == nullptr) return false;
    other_.cancel();
    waiting->wake_cancelled();
    return true;
  }
  std::string describe() const override { return "something that cancels another task"; }

 private:
  weft::task_ref other_;
  weft::task_state* waiting_ = nullptr;
};

TEST_CASE("a waitable may cancel other tasks while it is cancelled, also those that wait for it",
          "[core][cancel_walk]") {
  const weft_test::time_limit limit;
  for (const char* how : {"parent by handle", "parent through gather", "one that waits for the parent"}) {
    INFO(how);
    const int result = weft_test::in_child([how = std::string(how)] {
      bool ended = false;
      run_on_virtual_time([&]() -> weft::task<> {
        weft::task_handle<> parent;
        weft::task_handle<> other;
        auto child = [&]() -> weft::task<> {
          cancels_another operation(how[0] == 'p' ? parent : other);
          co_await std::move(operation);
        };
        auto body = [&]() -> weft::task<> {
          if (how == "parent by handle") {
            co_await weft::create_task(child());
          } else {
            co_await weft::gather(child(), weft::sleep_for(1h));
          }
        };
        parent = weft::create_task(body);
        auto waits = [&]() -> weft::task<> { co_await parent; };
        other = weft::create_task(waits);
        co_await weft::sleep_for(1ms);
        parent.cancel();
        co_await weft::sleep_for(1ms);
        ended = parent.cancelled() && other.cancelled() && weft::all_tasks().size() == 1;
      });
      return ended ? 0 : 1;
    });
    CHECK(result == 0);
  }
}

TEST_CASE("a mark is given once, in all threads: a loop may run in one after another", "[core][cancel_walk]") {
  constexpr std::size_t each = 1000;
  std::vector<std::uint32_t> marks(3 * each);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&marks, t] {
      for (std::size_t i = 0; i < each; ++i) marks[t * each + i] = weft::cancel_walk::new_mark();
    });
  }
  for (std::thread& t : threads) t.join();
  std::sort(marks.begin(), marks.end());
  CHECK(std::adjacent_find(marks.begin(), marks.end()) == marks.end());
  CHECK(marks.front() != 0);
}

TEST_CASE("a circle that is left when the loop goes is destroyed, each frame once", "[core][cancel_walk]") {
  const weft_test::time_limit limit;
  for (const char* how : {"hhh", "ghh", "ggg"}) {
    INFO(how);
    circle c;
    reports told;
    {
      weft::virtual_clock time;
      weft::event_loop loop({.clock = &time});
      told.listen(loop);
      loop.call_soon([&] { c.start(how); });
      CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
      CHECK(c.log.text().empty());
    }
    CHECK(c.log.text() == "C_gone B_gone A_gone");
    CHECK(told.count() == 3);
  }
}

}  // namespace core_cancel_walk_test
