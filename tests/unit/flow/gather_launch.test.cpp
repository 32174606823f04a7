// Tests of weft/flow/gather_launch.hpp: the tasks of a gather that have not begun, what the rest of the program sees of
// them, and what becomes of them when they are cancelled, when the loop goes and when memory runs out.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/config.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/race.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace flow_gather_launch_test {

using namespace std::chrono_literals;
using weft_test::census;
using weft_test::counts_allocations;
using weft_test::event_log;
using weft_test::out_of_memory;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

weft::task<> nothing() { co_return; }
weft::task<> sleeps() { co_await weft::sleep_for(1h); }

std::string names_of(const std::vector<weft::task_ref>& tasks) {
  std::string all;
  for (const weft::task_ref& t : tasks) all += (all.empty() ? "" : " ") + t.name();
  return all;
}

TEST_CASE("the tasks of a gather are numbered when it is awaited, and seen before they begin, oldest first",
          "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {  // Task-1 and, with this function, all of it
    std::string seen_by_other, seen_by_second, own_names;
    auto child = [&](bool waits) -> weft::task<> {
      own_names += weft::current_task().name() + " ";
      if (waits) co_await weft::yield();
    };
    auto second = [&]() -> weft::task<> {
      own_names += weft::current_task().name() + " ";
      seen_by_second = names_of(weft::all_tasks());
      co_return;
    };
    auto other = [&]() -> weft::task<> {  // begins before the gather's children, and ends when they have begun
      weft::create_task(nothing(), "new");
      seen_by_other = names_of(weft::all_tasks());
      co_return;
    };
    weft::create_task(other(), "other");
    co_await weft::gather(child(true), second, child(false), child(true));
    CHECK(seen_by_other == "Task-1 other Task-3 Task-4 Task-5 Task-6 new");
    CHECK(seen_by_second == "Task-1 Task-3 Task-4 Task-5 Task-6 new");
    CHECK(own_names == "Task-3 Task-4 Task-5 Task-6 ");
  });
}

TEST_CASE("tasks that are made while others begin are younger than all tasks of the gather", "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto child = []() -> weft::task<> {
      weft::create_task(sleeps(), "by " + weft::current_task().name());
      co_await weft::yield();
    };
    auto looks = []() -> weft::task<std::string> {
      co_await weft::yield();
      co_return names_of(weft::all_tasks());
    };
    auto [a, b, seen] = co_await weft::gather(child(), child(), looks());
    CHECK(seen == "Task-1 Task-4 by Task-2 by Task-3");
    static_cast<void>(a);
    static_cast<void>(b);
    for (const weft::task_ref& t : weft::all_tasks()) {
      if (t != weft::current_task()) t.cancel();
    }
    co_await weft::yield();
  });
}

TEST_CASE("children that return at once use one task after the other", "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::set<const weft::task_state*> states;
    auto child = [&](int n) -> weft::task<int> {
      states.insert(weft::task_state::current());
      co_return n;
    };
    std::vector<weft::task<int>> children;
    for (int i = 0; i < 100; ++i) children.push_back(child(i));
    const std::vector<int> results = co_await weft::gather(std::move(children));
    CHECK(states.size() == 1);
    for (std::size_t i = 0; i < 100; ++i) CHECK(results[i] == static_cast<int>(i));
  });
}

TEST_CASE("a child that waits keeps its task, and one whose result is large, too", "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::set<const weft::task_state*> states;
    auto child = [&](int n) -> weft::task<int> {
      states.insert(weft::task_state::current());
      if (n % 2 == 0) co_await weft::yield();
      co_return n;
    };
    std::vector<weft::task<int>> children;
    for (int i = 0; i < 10; ++i) children.push_back(child(i));
    const std::vector<int> results = co_await weft::gather(std::move(children));
    CHECK(states.size() == 6);  // that of an odd one goes to the even one after it
    CHECK(results == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    states.clear();
    auto large = [&](std::string text) -> weft::task<std::string> {
      states.insert(weft::task_state::current());
      co_return text;
    };
    std::vector<weft::task<std::string>> texts;
    texts.push_back(large("a"));
    texts.push_back(large(std::string(100, 'b')));
    const std::vector<std::string> gathered = co_await weft::gather(std::move(texts));
    CHECK(states.size() == 2);
    CHECK(gathered == std::vector{std::string("a"), std::string(100, 'b')});
  });
}

TEST_CASE("a child's task that somebody holds is never made into another's", "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::vector<weft::task_ref> kept;
    auto child = [&](int n) -> weft::task<int> {
      kept.push_back(weft::current_task());
      co_return n;
    };
    std::vector<weft::task<int>> children;
    for (int i = 1; i <= 3; ++i) children.push_back(child(i));
    const std::vector<int> results = co_await weft::gather(std::move(children));
    CHECK(results == std::vector{1, 2, 3});
    CHECK(names_of(kept) == "Task-2 Task-3 Task-4");
    for (const weft::task_ref& t : kept) {
      CHECK(t.done());
      CHECK(t.exception() == nullptr);
    }
  });
}

TEST_CASE("a task that begins after another one has its own name, requests and callbacks", "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::string names;
    auto child = [&](bool first) -> weft::task<> {
      names += weft::current_task().name() + " ";
      CHECK(weft::current_task().cancelling() == 0);
      if (!first) co_return;
      weft::current_task().set_name("renamed");
      weft::current_task().cancel();
    };
    std::vector<weft::task<>> children;
    for (const bool first : {true, false, true, false}) children.push_back(child(first));
    const auto outcomes = co_await weft::gather_outcomes(std::move(children));
    CHECK(outcomes[0].cancelled());
    CHECK(outcomes[1].has_value());
    CHECK(names == "Task-2 Task-3 Task-4 Task-5 ");
  });
}

TEST_CASE("results that fit into a pointer come out as they went in", "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {
    int there = 1;
    auto number = [](double n) -> weft::task<double> { co_return n; };
    auto reference = [&]() -> weft::task<int&> { co_return there; };
    auto pointer = [&]() -> weft::task<const int*> { co_return &there; };
    auto owner = []() -> weft::task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
    auto pair = []() -> weft::task<std::pair<short, char>> { co_return {short{3}, 'x'}; };
    auto [n, r, p, o, two, none] =
        co_await weft::gather(number(0.5), reference(), pointer(), owner(), pair(), nothing());
    CHECK(n == 0.5);
    CHECK(&r.get() == &there);
    CHECK(p == &there);
    CHECK(*o == 7);
    CHECK(two.first == 3);
    CHECK(two.second == 'x');
    static_cast<void>(none);
  });
}

TEST_CASE("results that do not fit into a pointer, and can be copied like bytes, come out as they went in",
          "[flow][gather_launch]") {
  run_on_virtual_time([]() -> weft::task<> {
    using three = std::array<std::size_t, 3>;
    auto child = [](std::size_t n) -> weft::task<three> { co_return {n, n + 1, n + 2}; };
    std::vector<weft::task<three>> children;
    for (std::size_t i = 0; i < 100; ++i) children.push_back(child(i));
    const std::vector<three> results = co_await weft::gather(std::move(children));
    for (std::size_t i = 0; i < 100; ++i) CHECK(results[i] == three{i, i + 1, i + 2});
  });
}

TEST_CASE("outcomes of children that end at once: values, failures and cancellations", "[flow][gather_launch]") {
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto child = [](int n) -> weft::task<int> {
      if (n == 1) throw std::runtime_error("one");
      if (n == 2) throw weft::cancelled_error();
      co_return n;
    };
    std::vector<weft::task<int>> children;
    for (int i = 0; i < 5; ++i) children.push_back(child(i));
    const std::vector<weft::outcome<int>> all = co_await weft::gather_outcomes(std::move(children));
    REQUIRE(all.size() == 5);
    CHECK(*all[0] == 0);
    CHECK(all[1].failed());
    CHECK(all[2].cancelled());
    CHECK(*all[3] == 3);
    CHECK(*all[4] == 4);
  });
  CHECK(told.count() == 0);
}

TEST_CASE("a gather that is cancelled before its children begin runs none of them", "[flow][gather_launch]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&](says_goodbye) -> weft::task<> {
      log("ran");
      co_return;
    };
    auto gathers = [&]() -> weft::task<> {
      co_await weft::gather(child(says_goodbye(log, "a")), child(says_goodbye(log, "b")));
    };
    auto gathering = weft::create_task(gathers());
    auto cancels = [&]() -> weft::task<> {  // in the pass in which the gather starts, before its children's turn
      gathering.cancel();
      log("cancelled");
      co_return;
    };
    weft::create_task(cancels());
    const auto ended = co_await weft::outcome_of(gathering);
    CHECK(ended.cancelled());
  });
  CHECK(log.text() == "cancelled a b");
}

TEST_CASE("a child that cancels the one that gathers: those that have begun are cancelled, the others never run",
          "[flow][gather_launch]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::task_handle<> gathering;
    auto sleeper = [&](std::string name) -> weft::task<> {
      log(name);
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        log(name + "_cancelled");
        throw;
      }
    };
    auto cancels = [&]() -> weft::task<> {
      gathering.cancel();
      gathering.cancel();
      co_return;
    };
    struct tells_requests {  // of the task in which it is destroyed
      event_log* log;
      explicit tells_requests(event_log& l) : log(&l) {}
      tells_requests(tells_requests&& other) noexcept : log(std::exchange(other.log, nullptr)) {}
      tells_requests& operator=(tells_requests&&) = delete;
      ~tells_requests() {
        if (log != nullptr) (*log)("requests:" + std::to_string(weft::current_task().cancelling()));
      }
    };
    auto last = [&](tells_requests) -> weft::task<> {
      log("wrong");
      co_return;
    };
    auto gathers = [&]() -> weft::task<> {
      co_await weft::gather(sleeper("first"), cancels(), last(tells_requests(log)));
    };
    gathering = weft::create_task(gathers());
    const auto ended = co_await weft::outcome_of(gathering);
    CHECK(ended.cancelled());
    CHECK(weft::all_tasks().size() == 1);
  });
  CHECK(log.text() == "first requests:2 first_cancelled");
}

TEST_CASE("a task of a gather can be cancelled and watched before it begins, by who finds it",
          "[flow][gather_launch]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto finds = [&]() -> weft::task<> {
      const std::vector<weft::task_ref> all = weft::all_tasks();
      all.back().cancel();
      all.back().add_done_callback([&](const weft::task_ref& t) { log(t.cancelled() ? "callback" : "wrong"); });
      co_return;
    };
    auto child = [&]() -> weft::task<> {
      log("wrong");
      co_return;
    };
    const auto [a, b] = co_await weft::gather_outcomes(finds(), child());
    CHECK(a.has_value());
    CHECK(b.cancelled());
  });
  CHECK(log.text() == "callback");
}

TEST_CASE("a loop that goes before the children have begun reports and destroys them, newest first",
          "[flow][gather_launch]") {
  for (const bool looked_for : {false, true}) {
    INFO(looked_for);
    event_log log;
    reports told;
    census counts;
    {
      weft::virtual_clock time;
      weft::event_loop loop({.clock = &time});
      told.listen(loop);
      auto child = [&](tracked, says_goodbye) -> weft::task<> {
        log("ran");
        co_return;
      };
      auto gathers = [&](tracked t) -> weft::task<> {
        co_await weft::gather(child(t, says_goodbye(log, "a")), child(t, says_goodbye(log, "b")));
      };
      loop.create_task(gathers(tracked(counts)), "gathers");
      weft_test::run_one_pass(loop);
      if (looked_for) CHECK(weft::all_tasks(loop).size() == 3);
      CHECK(counts.alive > 2);
    }
    CHECK(counts.alive == 0);
    CHECK(log.text() == "b a");
    const std::string lost = "Task was destroyed but it is pending: ";
    CHECK(told.text() == lost + "'Task-3' | " + lost + "'Task-2' | " + lost + "'gathers'");
  }
}

TEST_CASE("the children of a gather begin in one pass, and what they schedule comes after all of them",
          "[flow][gather_launch]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&](std::string name) -> weft::task<> {
      log(name);
      weft::event_loop::current().call_soon([&, name] { log(name + "'"); });
      co_await weft::yield();
      log(name + "''");
    };
    auto other = [&]() -> weft::task<> {
      log("other");
      co_await weft::yield();
      log("other''");
    };
    auto first = weft::create_task(other());
    weft::event_loop::current().call_soon([&] { log("call"); });
    co_await weft::gather(child("a"), child("b"));
    co_await first;
  });
  CHECK(log.text() == "other call a b other'' a' a'' b' b''");
}

TEST_CASE("when memory runs out while the children begin, the others are given up, and std::bad_alloc is thrown",
          "[flow][gather_launch]") {
  if (!counts_allocations) return;
  census counts;
  int began = 0, cancelled = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::event never;
    auto waits = [&](tracked) -> weft::task<> {
      ++began;
      try {
        co_await never.wait();
      } catch (const weft::cancelled_error&) {
        ++cancelled;
        throw;
      }
    };
    std::vector<weft::task<>> children;
    for (int i = 0; i < 20'000; ++i) children.push_back(waits(tracked(counts)));  // more than the pool has
    constexpr std::uint64_t allowed = WEFT_FRAME_POOL ? 0 : 3;                    // the pool has memory for some
    std::unique_ptr<out_of_memory> limit;
    weft::event_loop::current().call_soon([&] { limit = std::make_unique<out_of_memory>(allowed); });
    bool thrown = false;
    auto body = [&]() -> weft::task<> {
      try {
        co_await weft::gather(std::move(children));
      } catch (const std::bad_alloc&) {
        thrown = limit->happened();
        limit.reset();
      }
    };
    co_await body();
    CHECK(thrown);
    CHECK(counts.alive == 0);
    CHECK(weft::all_tasks().size() == 1);
    co_await weft::gather(nothing(), nothing());
  });
  CHECK(began > 0);
  CHECK(began < 20'000);
  CHECK(cancelled == began);
}

TEST_CASE(
    "when memory runs out while the children begin, the end of the first one does not interrupt the others' clean-up",
    "[flow][gather_launch]") {
  if (!counts_allocations) return;
  int began = 0, cancelled = 0, tidied_up = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::event never;
    auto tidies_up = [&]() -> weft::task<> {
      const int n = ++began;
      try {
        co_await never.wait();
      } catch (const weft::cancelled_error&) {
        ++cancelled;
      }
      co_await weft::sleep_for(n * 1ms);
      ++tidied_up;
      throw std::runtime_error("could not tidy up");
    };
    std::vector<weft::task<>> children;
    for (int i = 0; i < 20'000; ++i) children.push_back(tidies_up());
    constexpr std::uint64_t allowed = WEFT_FRAME_POOL ? 0 : 3;
    std::unique_ptr<out_of_memory> limit;
    weft::event_loop::current().call_soon([&] { limit = std::make_unique<out_of_memory>(allowed, 1); });
    bool thrown = false;
    try {
      co_await weft::gather(std::move(children));
    } catch (const std::bad_alloc&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK(limit->happened());
  });
  CHECK(began > 1);
  CHECK(began < 20'000);
  CHECK(cancelled == began);
  CHECK(tidied_up == began);
}

TEST_CASE("a race of tasks begins all of them before the first one's end counts", "[flow][gather_launch]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto racer = [&](int n) -> weft::task<int> {
      log("begins");
      if (n == 0) co_await weft::sleep_for(1h);
      co_return n;
    };
    const auto winner = co_await weft::race(racer(0), racer(1), racer(2));
    CHECK(winner.index() == 1);
  });
  CHECK(log.text() == "begins begins begins");
}

}  // namespace flow_gather_launch_test
