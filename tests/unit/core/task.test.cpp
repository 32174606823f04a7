// Tests of weft/core/task.hpp: lazy, awaited once, destroyed once; and make_task(), which keeps alive what the
// coroutine uses.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace core_task_test {

using namespace std::chrono_literals;
using weft_test::census;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

static_assert(std::is_nothrow_default_constructible_v<weft::task<int>>);
static_assert(std::is_nothrow_move_assignable_v<weft::task<int>> && !std::is_copy_assignable_v<weft::task<int>>);
static_assert(std::is_same_v<weft::task<>, weft::task<void>>);
static_assert(weft::is_task<weft::task<int&>> && !weft::is_task<int>);

weft::task<> logs(event_log& log, std::string word) {
  log(word);
  co_return;
}
weft::task<int> value(int n) { co_return n; }
weft::task<int> value_after_a_pass(int n) {
  co_await weft::yield();
  co_return n;
}
weft::task<> holds(tracked) { co_await weft::yield(); }

TEST_CASE("calling a coroutine runs nothing until it is awaited", "[core][task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::task<> first = logs(log, "first");
    weft::task<> second = logs(log, "second");
    log("made");
    co_await std::move(second);
    co_await std::move(first);
  });
  CHECK(log.text() == "made second first");
}

TEST_CASE("awaiting a task runs it inline: no pass, and the same current task", "[core][task]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft_test::pass_counter counter;
    weft::task_ref inside;
    auto child = [&]() -> weft::task<int> {
      inside = weft::current_task();
      co_return 1;
    };
    for (int i = 0; i < 10; ++i) co_await child();
    CHECK(counter.passes() == 0);
    CHECK(inside == weft::current_task());
    co_await value_after_a_pass(1);
    CHECK(counter.passes() == 1);
  });
}

TEST_CASE("a task gives a value, something that only moves, a reference, or nothing", "[core][task]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const int n = co_await value(5);
    CHECK(n == 5);
    auto owner = []() -> weft::task<std::unique_ptr<int>> { co_return std::make_unique<int>(6); };
    std::unique_ptr<int> owned = co_await owner();
    CHECK(*owned == 6);
    auto refers = [&]() -> weft::task<int&> { co_return target; };
    (co_await refers()) = 7;
    auto nothing = []() -> weft::task<> { co_return; };
    static_assert(std::is_void_v<decltype(nothing())::value_type>);
    co_await nothing();
  });
  CHECK(target == 7);
}

TEST_CASE("a task that is destroyed unstarted destroys its parameters once and runs nothing", "[core][task]") {
  census counts;
  event_log log;
  {
    weft::task<> unstarted = holds(tracked(counts));
    weft::task<> other = logs(log, "ran");
    CHECK(static_cast<bool>(unstarted));
    CHECK(counts.alive == 1);
  }
  CHECK(counts.alive == 0);
  CHECK(log.text().empty());
}

TEST_CASE("moving a task empties the source; assigning to one destroys what it held", "[core][task]") {
  census first_counts;
  census second_counts;
  weft::task<> first = holds(tracked(first_counts));
  weft::task<> second = holds(tracked(second_counts));
  weft::task<> moved(std::move(first));
  CHECK_FALSE(static_cast<bool>(first));  // NOLINT(bugprone-use-after-move): this is what is tested
  CHECK(static_cast<bool>(moved));
  second = holds(tracked(first_counts));
  CHECK(second_counts.alive == 0);
  CHECK(first_counts.alive == 2);
  moved = weft::task<>();
  CHECK_FALSE(static_cast<bool>(moved));
  CHECK(first_counts.alive == 1);
  second = {};
  CHECK(first_counts.alive == 0);
}

TEST_CASE("awaiting an empty task is refused with advice: never made, moved from, awaited before", "[core][task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::task<int> never_made;
    weft::task<int> source = value(1);
    weft::task<int> moved_to = std::move(source);
    weft::task<int> consumed = value(2);
    const int two = co_await std::move(consumed);
    CHECK(two == 2);
    for (weft::task<int>* empty : {&never_made, &source, &consumed}) {
      try {
        co_await std::move(*empty);
      } catch (const weft::invalid_state_error& e) {
        CHECK_THAT(e.what(), weft_test::contains("call the coroutine again"));
        log("refused");
      }
      try {
        weft::create_task(std::move(*empty));
      } catch (const weft::invalid_state_error&) {
        log("refused");
      }
    }
    CHECK(weft::all_tasks().size() == 1);
    const int one = co_await std::move(moved_to);
    CHECK(one == 1);
  });
  CHECK(log.text() == "refused refused refused refused refused refused");
  CHECK_THROWS_AS(weft::run(weft::task<>()), weft::invalid_state_error);
  weft::event_loop loop;
  CHECK_THROWS_AS(loop.create_task(weft::task<>()), weft::invalid_state_error);
  CHECK_THROWS_AS(loop.run_until_complete(weft::task<>()), weft::invalid_state_error);
}

weft::task<int> throws_at_once(says_goodbye) {
  throw std::runtime_error("at once");
  co_return 1;
}

TEST_CASE("a coroutine that throws before its first suspension fails its await, and its task", "[core][task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      co_await throws_at_once(says_goodbye(log, "parameter"));
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
    auto handle = weft::create_task(throws_at_once(says_goodbye(log, "parameter")));
    log("created");
    try {
      co_await handle;
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
  });
  CHECK(log.text() == "parameter at once created parameter at once");
}

TEST_CASE("parameters live as long as the coroutine, also while it is suspended", "[core][task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&](says_goodbye) -> weft::task<> {
      says_goodbye local(log, "local");
      co_await weft::yield();
      log("body");
    };
    co_await child(says_goodbye(log, "parameter"));
    log("after");
  });
  CHECK(log.text() == "body local parameter after");
}

weft::task<int> fibonacci(int n) {
  if (n < 2) co_return n;
  const int a = co_await fibonacci(n - 1);
  const int b = co_await fibonacci(n - 2);
  co_return a + b;
}

TEST_CASE("tasks may be recursive", "[core][task]") {
  CHECK(run_on_virtual_time([]() -> weft::task<int> { co_return co_await fibonacci(15); }) == 610);
}

TEST_CASE("make_task keeps a lambda, its captures and the arguments until the coroutine has ended", "[core][task]") {
  census captures;
  census arguments;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::task_handle<int> handle;
    {
      auto body = [&log, kept = tracked(captures), text = std::string("captured")](
                      const tracked&, const std::string& n) -> weft::task<int> {
        co_await weft::sleep_for(1s);
        log(text);
        log(n);
        co_return 9;
      };
      tracked argument(arguments);
      handle = weft::create_task(body, argument, std::string("argument"));
    }
    co_await weft::yield();
    CHECK(captures.alive == 1);
    CHECK(arguments.alive == 1);
    const int nine = co_await handle;
    CHECK(nine == 9);
    CHECK(captures.alive == 0);  // gone when it ended, not with the handle
    CHECK(arguments.alive == 0);
  });
  CHECK(log.text() == "captured argument");
  CHECK(captures.alive == 0);
  CHECK(arguments.alive == 0);
}

struct adder {
  int base = 0;
  weft::task<int> add(int n) {
    base += n;
    co_return base;
  }
};
weft::task<> increments(int& n) {
  ++n;
  co_return;
}
weft::task<int> takes_owner(std::unique_ptr<int> owner) { co_return *owner; }

TEST_CASE("make_task hands arguments over as std::thread does", "[core][task]") {
  run_on_virtual_time([]() -> weft::task<> {
    int n = 0;
    co_await weft::make_task(increments, std::ref(n));
    CHECK(n == 1);
    auto owner = std::make_unique<int>(3);
    const int three = co_await weft::make_task(takes_owner, std::move(owner));
    CHECK(three == 3);
    adder a;
    const int by_pointer = co_await weft::make_task(&adder::add, &a, 4);
    const int by_copy = co_await weft::make_task(&adder::add, a, 4);
    CHECK(by_pointer == 4);
    CHECK(by_copy == 8);
    CHECK(a.base == 4);
    const int bound = co_await weft::make_task(std::bind_front(&adder::add, &a), 1);
    CHECK(bound == 5);
  });
}

TEST_CASE("make_task gives on what the coroutine gives: references, exceptions, cancellation", "[core][task]") {
  int target = 0;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto refers = [&]() -> weft::task<int&> { co_return target; };
    int& n = co_await weft::make_task(refers);
    CHECK(&n == &target);
    auto fails = []() -> weft::task<int> {
      throw std::runtime_error("failed");
      co_return 0;
    };
    try {
      co_await weft::make_task(fails);
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
    auto sleeps = [&]() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        log("cancelled");
        throw;
      }
    };
    auto handle = weft::create_task(sleeps);
    co_await weft::yield();
    handle.cancel();
    try {
      co_await handle;
    } catch (const weft::cancelled_error&) {
      log("gone");
    }
  });
  CHECK(log.text() == "failed cancelled gone");
}

TEST_CASE("make_task calls its function when it starts, and not before", "[core][task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto no_coroutine = [&](int n) {  // returns a task, is none
      log("called");
      if (n < 0) throw std::invalid_argument("negative");
      return n == 0 ? weft::task<int>() : value(n);
    };
    weft::task<int> unstarted = weft::make_task(no_coroutine, 1);
    log("made");
    const int one = co_await std::move(unstarted);
    CHECK(one == 1);
    auto refused = weft::create_task(no_coroutine, -1);
    auto empty = weft::create_task(no_coroutine, 0);
    co_await weft::yield();
    CHECK_THROWS_AS(refused.result(), std::invalid_argument);
    CHECK_THROWS_AS(empty.result(), weft::invalid_state_error);
  });
  CHECK(log.text() == "made called called called");
}

TEST_CASE("a task made of a function that never starts destroys function and arguments once", "[core][task]") {
  census counts;
  {
    auto body = [kept = tracked(counts)](tracked) -> weft::task<> { co_return; };
    weft::task<> unstarted = weft::make_task(body, tracked(counts));
    CHECK(counts.alive == 3);  // the lambda here, and what the task keeps
  }
  CHECK(counts.alive == 0);
}

TEST_CASE("results can be awaited in expressions, loops and structured bindings", "[core][task]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto both = []() -> weft::task<std::pair<int, std::string>> { co_return std::pair<int, std::string>(1, "one"); };
    auto [number, text] = co_await both();
    CHECK(number == 1);
    CHECK(text == "one");
    const int sum = (co_await value(1)) + (co_await value_after_a_pass(2));
    CHECK(sum == 3);
    std::vector<weft::task<int>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(value_after_a_pass(i));
    int total = 0;
    for (weft::task<int>& t : tasks) total += co_await std::move(t);
    CHECK(total == 6);
  });
}

TEST_CASE("outside a running loop a task can be made, but create_task says that there is no loop", "[core][task]") {
  census counts;
  CHECK_THROWS_AS(weft::create_task(holds(tracked(counts))), weft::usage_error);
  CHECK(counts.made > 0);
  CHECK(counts.alive == 0);
}

}  // namespace core_task_test
