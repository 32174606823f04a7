// Tests of weft/flow/task_group.hpp: who is waited for, what fails whom, and what is thrown in the end.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/throws_when_moved.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/exception_group.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/task_group.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace flow_task_group_test {

using namespace std::chrono_literals;
using weft::task_group;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::throws_when_moved;
using weft_test::tracked;

weft::task<> says(event_log& log, std::string word, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  log(word);
}
weft::task<> fails(std::string what, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  throw std::runtime_error(what);
}
// Says that it was cancelled, and takes its time to end.
weft::task<> sleeper(event_log& log, std::chrono::milliseconds cleanup = 0ms) {
  bool cancelled = false;
  try {
    co_await weft::sleep_for(1h);
  } catch (const weft::cancelled_error&) {
    cancelled = true;
  }
  if (cleanup > 0ms) co_await weft::sleep_for(cleanup);
  log(cancelled ? "cancelled" : "slept");
  if (cancelled) throw weft::cancelled_error();
}
// What an exception_group says; else what the outcome is.
template <class T>
std::string errors_of(const weft::outcome<T>& outcome) {
  if (outcome.cancelled()) return "cancelled";
  if (outcome.has_value()) return "value";
  try {
    std::rethrow_exception(outcome.exception());
  } catch (const weft::exception_group& group) {
    std::string all;
    for (const std::exception_ptr& e : group.take<std::runtime_error>()) {
      try {
        std::rethrow_exception(e);
      } catch (const std::runtime_error& error) {
        all += (all.empty() ? "" : " ") + std::string(error.what());
      }
    }
    return all;
  }
  return "something else";
}

// ---- the end of all, and results ----

TEST_CASE("a task group waits for its tasks, also for those that its tasks start", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::with_task_group([&](task_group& group) -> weft::task<> {
      const auto starts_another = [&]() -> weft::task<> {
        co_await weft::sleep_for(2ms);
        group.create_task(says(log, "grandchild", 5ms));
      };
      group.create_task(says(log, "child", 1ms));
      group.create_task(starts_another);
      CHECK(group.size() == 2);
      log("body");
      co_return;
    });
    log("over");
    CHECK(now_ms() == 7);
  });
  CHECK(log.text() == "body child grandchild over");
}

TEST_CASE("with_task_group returns what the body returns: a value, a reference, what only moves, nothing",
          "[flow][task_group]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto owner = co_await weft::with_task_group(
        [](task_group&) -> weft::task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); });
    CHECK(*owner == 3);
    int& got = co_await weft::with_task_group([&](task_group&) -> weft::task<int&> { co_return target; });
    got = 2;
    static_assert(std::is_void_v<decltype(weft::with_task_group([](task_group&) -> weft::task<> { co_return; }))> ==
                  false);
  });
  CHECK(target == 2);
}

TEST_CASE("a group's create_task gives the handle, takes a function with arguments, and a name", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto adds = [](std::unique_ptr<int> a, int b) -> weft::task<int> { co_return *a + b; };
    const int sum = co_await weft::with_task_group([&](task_group& group) -> weft::task<int> {
      auto named = group.create_task(says(log, "named"), "the name");
      CHECK(named.name() == "the name");
      auto owner = std::make_unique<int>(40);
      auto handle = group.create_task(adds, std::move(owner), 2);
      const int result = co_await handle;
      CHECK(named.done());
      co_return result;
    });
    CHECK(sum == 42);
  });
}

TEST_CASE("a group without tasks takes no pass", "[flow][task_group]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft_test::pass_counter counter;
    co_await weft::with_task_group([](task_group&) -> weft::task<> { co_return; });
    CHECK(counter.passes() == 0);
  });
}

TEST_CASE("a body lives as long as its group, and is destroyed once", "[flow][task_group]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [kept = tracked(counts), &counts](task_group& group) -> weft::task<> {
      const auto child = [&]() -> weft::task<> {
        co_await weft::sleep_for(1ms);
        CHECK(counts.alive == 2);  // the body has ended, what it captured is there
      };
      group.create_task(child);
      co_return;
    };
    co_await weft::with_task_group(body);
    CHECK(counts.alive == 1);
  });
  CHECK(counts.alive == 0);
}

// ---- failures ----

TEST_CASE("a task that fails cancels the others and the body, and all are waited for", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&](task_group& group) -> weft::task<> {
      group.create_task(sleeper(log, 3ms));
      group.create_task(fails("first", 1ms));
      co_await sleeper(log, 1ms);
    };
    const auto outcome = co_await weft::outcome_of(weft::with_task_group(body));
    CHECK(errors_of(outcome) == "first");
    CHECK(now_ms() == 4);
    CHECK(weft::current_task().cancelling() == 0);
    CHECK(weft::all_tasks().size() == 1);
  });
  CHECK(log.text() == "cancelled cancelled");
}

TEST_CASE("all failures come in one group, in the order in which they came, the body's last", "[flow][task_group]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto fails_when_cancelled = [](std::string what) -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error(what);
      }
    };
    const auto body = [&](task_group& group) -> weft::task<> {
      group.create_task(fails_when_cancelled("second"));
      group.create_task(fails("first", 1ms));
      co_await fails_when_cancelled("body");
    };
    const auto outcome = co_await weft::outcome_of(weft::with_task_group(body));
    CHECK(errors_of(outcome) == "first second body");
  });
}

TEST_CASE("a body that fails cancels the tasks, and its exception comes in a group", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&](task_group& group) -> weft::task<int> {
      group.create_task(sleeper(log));
      co_await weft::yield();
      throw std::runtime_error("body");
    };
    const auto outcome = co_await weft::outcome_of(weft::with_task_group(body));
    CHECK(errors_of(outcome) == "body");
  });
  CHECK(log.text() == "cancelled");
}

TEST_CASE("a body that is no coroutine and throws, or gives an empty task, leaves nothing", "[flow][task_group]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto throws = [](task_group& group) -> weft::task<> {
      if (group.size() == 0) throw std::runtime_error("no body");
      return fails("never");
    };
    const auto thrown = co_await weft::outcome_of(weft::with_task_group(throws));
    CHECK(thrown.failed());
    const auto empty = co_await weft::outcome_of(weft::with_task_group([](task_group&) { return weft::task<>(); }));
    CHECK(empty.failed());
    CHECK(weft::all_tasks().size() == 1);
  });
}

TEST_CASE("a body that is no coroutine may start tasks before it throws, which do not outlive the group",
          "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto throws = [&](task_group& group) -> weft::task<> {
      group.create_task(sleeper(log));
      if (group.size() == 1) throw std::runtime_error("no body");
      return fails("never");
    };
    const auto thrown = co_await weft::outcome_of(weft::with_task_group(throws));
    CHECK(thrown.failed());
    CHECK(weft::all_tasks().size() == 1);
  });
}

TEST_CASE("tasks do not outlive the group when the body's result throws on its way", "[flow][task_group]") {
  int failures = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int last = 1;; ++last) {
      event_log log;
      int moves_left = last;
      const auto body = [&](task_group& group) -> weft::task<throws_when_moved> {
        group.create_task(says(log, "child", 1ms));
        co_await weft::yield();
        co_return throws_when_moved(moves_left);
      };
      const auto outcome = co_await weft::outcome_of(weft::with_task_group(body));
      CHECK(weft::all_tasks().size() == 1);
      if (moves_left > 0) break;
      CHECK(outcome.failed());
      ++failures;
    }
  });
  CHECK(failures >= 2);
}

TEST_CASE("a task of the group that is cancelled is no failure", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::with_task_group([&](task_group& group) -> weft::task<> {
      auto one = group.create_task(sleeper(log));
      group.create_task(says(log, "other", 1ms));
      co_await weft::yield();
      one.cancel();
    });
  });
  CHECK(log.text() == "cancelled other");
}

TEST_CASE("an exception that a group has thrown is not reported as never retrieved", "[flow][task_group]") {
  weft_test::reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    const auto body = [](task_group& group) -> weft::task<> {
      group.create_task(fails("one"));
      group.create_task(fails("two"));
      co_return;
    };
    const auto outcome = co_await weft::outcome_of(weft::with_task_group(body));
    CHECK(errors_of(outcome) == "one two");
  });
  CHECK(told.count() == 0);
}

TEST_CASE("keyboard_interrupt is thrown by itself, not in a group", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto interrupts = []() -> weft::task<> {
      co_await weft::yield();
      throw weft::keyboard_interrupt();
    };
    const auto body = [&](task_group& group) -> weft::task<> {
      group.create_task(interrupts());
      co_await sleeper(log);
    };
    const auto outcome = co_await weft::outcome_of(weft::with_task_group(body));
    CHECK_THROWS_AS(outcome.value(), weft::keyboard_interrupt);
  });
  CHECK(log.text() == "cancelled");
}

// ---- cancelled ----

TEST_CASE("cancelling the one that waits cancels the tasks and waits for them", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&](task_group& group) -> weft::task<> {
      group.create_task(sleeper(log, 2ms));
      co_return;
    };
    auto t = weft::create_task([&] { return weft::with_task_group(body); });
    co_await weft::sleep_for(1ms);
    t.cancel();
    const auto outcome = co_await weft::outcome_of(t);
    CHECK(outcome.cancelled());
    CHECK(now_ms() == 3);
  });
  CHECK(log.text() == "cancelled");
}

TEST_CASE("of a cancellation and a failure that comes of it the failure is thrown, and the request stays",
          "[flow][task_group]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto fails_when_cancelled = []() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error("cleanup");
      }
    };
    const auto body = [&](task_group& group) -> weft::task<> {
      group.create_task(fails_when_cancelled());
      co_return;
    };
    auto t = weft::create_task([&] { return weft::with_task_group(body); });
    co_await weft::sleep_for(1ms);
    t.cancel();
    const auto outcome = co_await weft::outcome_of(t);
    CHECK(errors_of(outcome) == "cleanup");
    CHECK(t.cancelling() == 1);
  });
}

TEST_CASE("groups in groups: a failure inside ends the inner one, then the outer one", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto inner = [&](task_group& group) -> weft::task<> {
      group.create_task(fails("deep", 1ms));
      co_await sleeper(log);
    };
    const auto outer = [&](task_group& group) -> weft::task<> {
      group.create_task(sleeper(log));
      co_await weft::with_task_group(inner);
    };
    const auto outcome = co_await weft::outcome_of(weft::with_task_group(outer));
    CHECK(errors_of(outcome) == "deep");
    CHECK(weft::current_task().cancelling() == 0);
  });
  CHECK(log.text() == "cancelled cancelled");
}

// ---- wrong uses ----

TEST_CASE("a group that is cancelling its tasks, or has ended, starts no more, and keeps nothing of it",
          "[flow][task_group]") {
  weft_test::census counts;
  event_log log;
  const auto child = [](tracked) -> weft::task<> { co_return; };
  run_on_virtual_time([&]() -> weft::task<> {
    task_group* ended = nullptr;
    const auto body = [&](task_group& group) -> weft::task<> {
      ended = &group;
      group.create_task(fails("first"));
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        log("cancelled");
      }
      CHECK_THROWS_WITH(group.create_task(child(tracked(counts))), contains("cancelling"));
      CHECK_THROWS_AS(group.create_task(child, tracked(counts)), weft::usage_error);
      CHECK(counts.alive == 0);
      auto named = child(tracked(counts));
      CHECK_THROWS_AS(group.create_task(std::move(named)), weft::usage_error);
      CHECK(named);  // it is still the caller's
      CHECK(group.size() == 0);
    };
    const auto outcome = co_await weft::outcome_of(weft::with_task_group(body));
    CHECK(errors_of(outcome) == "first");
  });
  CHECK(log.text() == "cancelled");
}

TEST_CASE("a group whose body and tasks have ended refuses a task from a callback", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::with_task_group([&](task_group& group) -> weft::task<> {
      auto last = group.create_task(says(log, "last"));
      // The group is told first; then, before its scope ends, comes this.
      last.add_done_callback([&](const weft::task_ref&) {
        CHECK(group.size() == 0);
        CHECK_THROWS_WITH(group.create_task(says(log, "never")), contains("has ended"));
        log("refused");
      });
      co_return;
    });
  });
  CHECK(log.text() == "last refused");
}

TEST_CASE("a group refuses an empty task, and goes on", "[flow][task_group]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::with_task_group([&](task_group& group) -> weft::task<> {
      CHECK_THROWS_AS(group.create_task(weft::task<>()), weft::invalid_state_error);
      CHECK(group.size() == 0);
      group.create_task(says(log, "good"));
      co_return;
    });
  });
  CHECK(log.text() == "good");
}

TEST_CASE("a group's create_task that finds no memory starts nothing", "[flow][task_group]") {
  if (!weft_test::counts_allocations) return;
  weft_test::census counts;
  const auto child = [](tracked) -> weft::task<> { co_return; };
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::with_task_group([&](task_group& group) -> weft::task<> {
      std::vector<weft::task<>> tasks;  // made before the memory ends
      for (int i = 0; i < 4; ++i) tasks.push_back(child(tracked(counts)));
      int refused = 0;
      for (std::uint64_t allowed = 0; allowed < 4; ++allowed) {
        try {
          const weft_test::out_of_memory limit(allowed);
          group.create_task(std::move(tasks[allowed]));
        } catch (const std::bad_alloc&) {
          ++refused;
        }
      }
      CHECK(group.size() == static_cast<std::size_t>(4 - refused));
      CHECK(counts.alive == 4 - refused);
      co_return;
    });
  });
  CHECK(counts.alive == 0);
}

// ---- destroyed, stuck ----

TEST_CASE("a loop may go in any pass around a task group", "[flow][task_group]") {
  for (int passes = 0; passes < 7; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    weft::task_handle<> broken;
    const auto child = [](tracked, int n) -> weft::task<> {
      for (int i = 0; i < n; ++i) co_await weft::yield();
      if (n == 2) throw std::runtime_error("broken");
    };
    const auto body = [&](task_group& group) -> weft::task<> {
      for (int n = 1; n < 5; ++n) {
        auto handle = group.create_task(child(tracked(counts), n));
        if (n == 2) broken = handle;
      }
      co_await child(tracked(counts), 5);
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      auto t = on.loop.create_task([&] { return weft::with_task_group(body); });
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
      if (passes % 3 == 1) t.cancel();
      if (t.done()) CHECK_FALSE(t.exception_retrieved());
    }
    CHECK(counts.alive == 0);
    if (broken && !broken.exception_retrieved()) CHECK(broken.exception() != nullptr);  // the group had not heard yet
  }
}

TEST_CASE("a deadlock report says which tasks of a group are left", "[flow][task_group]") {
  weft::event never;
  event_log log;
  const auto waits = [&]() -> weft::task<> { co_await never.wait(); };
  const auto body = [&](task_group& group) -> weft::task<> {
    group.create_task(waits(), "one");
    group.create_task(says(log, "done"), "done");
    group.create_task(waits(), "two");
    co_return;
  };
  CHECK_THROWS_WITH(run_on_virtual_time([&] { return weft::with_task_group(body); }),
                    contains("a task group, of which these are left: 'one' 'two'"));
}

TEST_CASE("a deadlock report says where a group's task was created", "[flow][task_group]") {
  weft::event never;
  const auto waits = [&]() -> weft::task<> { co_await never.wait(); };
  const auto body = [&](task_group& group) -> weft::task<> {
    group.create_task(waits(), "one");
    co_return;
  };
  CHECK_THROWS_WITH(run_on_virtual_time([&] { return weft::with_task_group(body); }),
                    contains("'one', created at") && contains("task_group.test.cpp:"));
}

TEST_CASE("a task group of many tasks allocates for its own records only now and then", "[flow][task_group]") {
  if (!weft_test::counts_allocations || !WEFT_FRAME_POOL) return;
  std::uint64_t allocated = 0;
  const auto body = [&](weft::task_group& group) -> weft::task<> {
    const auto start = [&] {
      for (int i = 0; i < 1000; ++i) group.create_task(weft::task<>([]() -> weft::task<> { co_return; }()));
    };
    allocated = weft_test::allocations_in(start);
    co_return;
  };
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::with_task_group(body);  // fills the pool
    co_await weft::with_task_group(body);
  });
  CHECK(allocated < 20);
}

}  // namespace flow_task_group_test
