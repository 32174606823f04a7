// Tests of weft/flow/gather.hpp: the forms of arguments and results, passes, and who is cancelled and waited for when.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace flow_gather_test {

using namespace std::chrono_literals;
using weft_test::census;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

template <class T>
weft::task<T> gives(T value, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  co_return value;
}
weft::task<> nothing() { co_return; }
weft::task<> yields(int times) {
  for (int i = 0; i < times; ++i) co_await weft::yield();
}
weft::task<int> fails(std::string what, std::chrono::milliseconds after = 0ms) {
  if (after > 0ms) co_await weft::sleep_for(after);
  throw std::runtime_error(what);
}
// Sleeps; says what became of that; takes `cleanup` to end when it is cancelled.
weft::task<int> sleeper(event_log& log, std::string name, std::chrono::milliseconds time = 1h,
                        std::chrono::milliseconds cleanup = 0ms) {
  bool cancelled = false;
  try {
    co_await weft::sleep_for(time);
  } catch (const weft::cancelled_error&) {
    cancelled = true;
  }
  if (!cancelled) {
    log(name + "_slept");
    co_return 1;
  }
  log(name + "_cancelled");
  if (cleanup > 0ms) {
    co_await weft::sleep_for(cleanup);
    log(name + "_cleaned_up");
  }
  throw weft::cancelled_error();
}
// Swallows its cancellation.
weft::task<int> stubborn(event_log& log, std::string name, std::chrono::milliseconds time) {
  try {
    co_await weft::sleep_for(1h);
  } catch (const weft::cancelled_error&) {
    log(name + "_ignored");
  }
  co_await weft::sleep_for(time);
  log(name + "_ended");
  co_return 7;
}

// ---- forms ----

TEST_CASE("gather gives the results in argument order, whatever the order in which the tasks end", "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b, c] = co_await weft::gather(gives(1, 3ms), gives(std::string("two"), 1ms), gives(3.5, 2ms));
    CHECK(a == 1);
    CHECK(b == "two");
    CHECK(c == 3.5);
    CHECK(now_ms() == 3);  // at once, not one after the other
    static_assert(std::is_same_v<decltype(a), int> && std::is_same_v<decltype(b), std::string>);
  });
}

TEST_CASE("gather of a pack: void is a monostate, all void is void, a reference a reference_wrapper",
          "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    int target = 1;
    auto refers = [&]() -> weft::task<int&> { co_return target; };
    auto [none, reference, owner] = co_await weft::gather(nothing(), refers(), gives(std::make_unique<int>(3)));
    static_assert(std::is_same_v<decltype(none), std::monostate>);
    static_assert(std::is_same_v<decltype(reference), std::reference_wrapper<int>>);
    reference.get() = 2;
    CHECK(target == 2);
    CHECK(*owner == 3);
    using all_void = decltype(weft::gather(nothing(), nothing()));
    static_assert(std::is_void_v<decltype(std::declval<all_void&>().await_resume())>);
    co_await weft::gather(nothing(), nothing());
    std::tuple<int> single = co_await weft::gather(gives(4));
    CHECK(std::get<0>(single) == 4);
  });
}

TEST_CASE("gather takes tasks, functions, handles, adopted handles and operations, mixed", "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto handle = weft::create_task(gives(1, 2ms));
    auto adopted = weft::create_task(gives(2));
    auto function = []() -> weft::task<int> { co_return 3; };
    auto [a, b, c, d, e, f] = co_await weft::gather(handle, weft::adopt(adopted), function, weft::sleep_for(5ms),
                                                    weft::yield(), weft::create_task(gives(6)));
    CHECK(a == 1);
    CHECK(b == 2);
    CHECK(c == 3);
    CHECK(f == 6);
    static_assert(std::is_same_v<decltype(d), std::monostate> && std::is_same_v<decltype(e), std::monostate>);
    CHECK(now_ms() == 5);
    CHECK(handle.result() == 1);  // a named handle keeps its result
    CHECK(adopted.result() == 2);
  });
}

TEST_CASE("gather of a range gives a vector: of tasks, of handles, of children, of a view that makes tasks",
          "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::vector<weft::task<int>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(gives(i, std::chrono::milliseconds(4 - i)));
    const std::vector<int> from_tasks = co_await weft::gather(std::move(tasks));
    CHECK(from_tasks == std::vector<int>({0, 1, 2, 3}));

    std::vector<weft::task_handle<int>> handles;
    for (int i = 0; i < 3; ++i) handles.push_back(weft::create_task(gives(i)));
    const std::vector<int> from_handles = co_await weft::gather(handles);
    CHECK(from_handles == std::vector<int>({0, 1, 2}));
    const std::vector<int> again = co_await weft::gather(std::move(handles));
    CHECK(again == from_handles);

    std::vector<weft::gather_child<int>> children;
    children.emplace_back(gives(5));
    children.emplace_back(weft::create_task(gives(6)));
    children.push_back(weft::adopt(weft::create_task(gives(7))));
    const std::vector<int> from_children = co_await weft::gather(std::move(children));
    CHECK(from_children == std::vector<int>({5, 6, 7}));

    auto square = [](int n) { return gives(n * n); };
    const std::vector<int> from_view = co_await weft::gather(std::views::iota(1, 4) | std::views::transform(square));
    CHECK(from_view == std::vector<int>({1, 4, 9}));

    std::vector<weft::task<std::unique_ptr<int>>> owners;
    for (int i = 1; i <= 2; ++i) owners.push_back(gives(std::make_unique<int>(i)));
    std::vector<std::unique_ptr<int>> owned = co_await weft::gather(std::move(owners));
    CHECK(*owned[0] + *owned[1] == 3);

    std::vector<weft::task<bool>> bools;
    bools.push_back(gives(true));
    bools.push_back(gives(false));
    const std::vector<bool> from_bools = co_await weft::gather(std::move(bools));
    CHECK(from_bools == std::vector<bool>({true, false}));
  });
}

TEST_CASE("gather of a range of void is void, of references a vector of wrappers", "[flow][gather]") {
  int sum = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    std::array<int, 3> numbers{1, 2, 3};
    std::vector<weft::task<int&>> refers;
    auto refer = [](int& n) -> weft::task<int&> { co_return n; };
    for (int& n : numbers) refers.push_back(refer(n));
    const std::vector<std::reference_wrapper<int>> all = co_await weft::gather(std::move(refers));
    for (int& n : all) n *= 2;
    auto add = [&](int n) -> weft::task<> {
      sum += n;
      co_return;
    };
    std::vector<weft::task<>> adders;
    for (int n : numbers) adders.push_back(add(n));
    co_await weft::gather(std::move(adders));
  });
  CHECK(sum == 12);
}

TEST_CASE("gather takes as many passes as asyncio's", "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    pass_counter counter;
    co_await weft::gather(nothing(), nothing());
    CHECK(counter.passes() == 3);
    counter.restart();
    co_await weft::gather();
    co_await weft::gather(std::vector<weft::task<int>>());
    const auto none = co_await weft::gather_outcomes(std::vector<weft::task_handle<>>());
    CHECK(none.empty());
    CHECK(counter.passes() == 0);
    auto done = weft::create_task(gives(1));
    auto other = weft::create_task(gives(2));
    co_await weft::yield();  // done in this pass: their callbacks would not have run yet
    counter.restart();
    auto [a, b, c] = co_await weft::gather(done, other, done);
    CHECK(a + b + c == 4);
    CHECK(counter.passes() == 0);
    co_await weft::gather(done, gives(2));
    CHECK(counter.passes() == 3);
    counter.restart();
    co_await weft::gather(weft::create_task(gives(3)));
    CHECK(counter.passes() == 3);
    counter.restart();
    co_await weft::gather(weft::create_task(yields(3)));
    CHECK(counter.passes() == 6);
  });
}

TEST_CASE("a gather starts nothing before it is awaited, and its tasks start in argument order", "[flow][gather]") {
  event_log log;
  census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&](std::string name, tracked) -> weft::task<> {
      log(name);
      co_return;
    };
    {
      auto unawaited = weft::gather(child("x", tracked(counts)), child("y", tracked(counts)));
      co_await yields(2);
      CHECK(weft::all_tasks().size() == 1);
      CHECK(counts.alive == 2);
    }
    CHECK(counts.alive == 0);
    auto later = weft::gather(child("a", tracked(counts)), child("b", tracked(counts)));
    auto before = weft::create_task(child("before", tracked(counts)));
    log("awaits");
    co_await std::move(later);
    CHECK(counts.alive == 0);
  });
  CHECK(log.text() == "awaits before a b");
}

// ---- failures ----

TEST_CASE("the first failure cancels the others, waits for them, and is thrown", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      co_await weft::gather(sleeper(log, "a", 1h, 5ms), fails("broken", 2ms), sleeper(log, "b"));
    } catch (const std::runtime_error& e) {
      log(e.what());
      CHECK(now_ms() == 7);
      CHECK(weft::all_tasks().size() == 1);  // no child is left
    }
  });
  CHECK(log.text() == "a_cancelled b_cancelled a_cleaned_up broken");
}

TEST_CASE("failures after the first one change nothing, and count as looked at", "[flow][gather]") {
  reports told;
  std::string caught;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto fails_when_cancelled = [](std::string what) -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error(what);
      }
    };
    try {
      co_await weft::gather(fails_when_cancelled("second"), fails("first", 1ms), fails("same time", 1ms),
                            fails_when_cancelled("third"));
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
    co_await yields(3);
  });
  CHECK(caught == "first");
  CHECK(told.text() == "");
}

TEST_CASE("a child that ignores its cancellation is waited for all the same", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      co_await weft::gather(stubborn(log, "child", 10ms), fails("broken", 1ms));
    } catch (const std::runtime_error&) {
      log("caught");
      CHECK(now_ms() == 11);
    }
  });
  CHECK(log.text() == "child_ignored child_ended caught");
}

TEST_CASE("a child that is cancelled is a failure: the others are cancelled, cancelled_error is thrown",
          "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto victim = weft::create_task(sleeper(log, "victim"));
    weft::event_loop::current().call_later(1ms, [&] { victim.cancel(); });
    try {
      co_await weft::gather(victim, sleeper(log, "other"));
    } catch (const weft::cancelled_error&) {
      log("caught");
    }
    CHECK(weft::current_task().cancelling() == 0);
  });
  CHECK(log.text() == "victim_cancelled other_cancelled caught");
}

TEST_CASE("a handle is left alone on failure, and its later exception counts as looked at", "[flow][gather]") {
  event_log log;
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto other = weft::create_task(sleeper(log, "ref", 10ms));
    auto fails_later = weft::create_task(fails("later", 5ms));
    try {
      co_await weft::gather(other, sleeper(log, "started"), fails_later, fails("broken", 1ms));
    } catch (const std::runtime_error& e) {
      log(e.what());
      CHECK(now_ms() == 1);
      CHECK_FALSE(other.done());
      CHECK(other.cancelling() == 0);
    }
    fails_later = {};
    co_await other;
  });
  CHECK(log.text() == "started_cancelled broken ref_slept");
  CHECK(told.text() == "");
}

TEST_CASE("a handle that fails cancels what the gather started, and not the other handles", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto failing = weft::create_task(fails("broken", 1ms));
    auto other = weft::create_task(sleeper(log, "ref", 3ms));
    try {
      co_await weft::gather(failing, sleeper(log, "started"), other);
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
    co_await other;
  });
  CHECK(log.text() == "started_cancelled broken ref_slept");
}

TEST_CASE("an adopted handle is cancelled and waited for as if the gather had started it", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto adopted = weft::create_task(sleeper(log, "adopted", 1h, 5ms));
    try {
      co_await weft::gather(weft::adopt(adopted), fails("broken", 1ms));
    } catch (const std::runtime_error& e) {
      log(e.what());
      CHECK(adopted.done());
      CHECK(adopted.cancelling() == 1);
    }
  });
  CHECK(log.text() == "adopted_cancelled adopted_cleaned_up broken");
}

TEST_CASE("a handle that has failed before fails the gather; new tasks never run, handles go on", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto failed = weft::create_task(fails("before"));
    auto other = weft::create_task(sleeper(log, "ref", 1ms));
    co_await yields(1);
    pass_counter counter;
    try {
      co_await weft::gather(other, failed);
    } catch (const std::runtime_error& e) {
      log(e.what());
      CHECK(counter.passes() == 0);
    }
    try {
      co_await weft::gather(sleeper(log, "new"), failed, other);
    } catch (const std::runtime_error& e) {
      log(e.what());
      CHECK(counter.passes() == 3);
    }
  });
  // The other handle is cancelled by the end of run().
  CHECK(log.text() == "before before ref_cancelled");
}

// ---- cancelling ----

TEST_CASE("cancelling the one that gathers cancels all children in order and waits for all of them", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto ref = weft::create_task(sleeper(log, "ref", 1h, 4ms));
    auto body = [&]() -> weft::task<> {
      try {
        co_await weft::gather(sleeper(log, "a", 1h, 2ms), ref, stubborn(log, "b", 3ms), sleeper(log, "done", 1ms));
      } catch (const weft::cancelled_error&) {
        log("cancelled");
        throw;
      }
    };
    auto t = weft::create_task(body);
    co_await weft::sleep_for(10ms);
    CHECK(t.cancel());
    CHECK(ref.cancelling() == 1);
    co_await weft::sleep_for(20ms);
    CHECK(t.cancelled());
    CHECK(t.cancelling() == 1);
  });
  CHECK(log.text() == "done_slept a_cancelled ref_cancelled b_ignored a_cleaned_up b_ended ref_cleaned_up cancelled");
}

TEST_CASE("a cancelled gather throws cancelled_error, whatever its children end with", "[flow][gather]") {
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto child = [](bool fail) -> weft::task<int> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        if (fail) throw std::runtime_error("instead");
      }
      co_return 1;
    };
    auto body = [&]() -> weft::task<> { co_await weft::gather(child(true), child(false)); };
    auto t = weft::create_task(body);
    auto all_swallow = [&]() -> weft::task<> { co_await weft::gather(child(false), child(false)); };
    auto u = weft::create_task(all_swallow);
    co_await yields(2);
    t.cancel();
    u.cancel();
    co_await yields(4);
    CHECK(t.cancelled());
    CHECK(u.cancelled());
  });
  CHECK(told.text() == "");
}

TEST_CASE("a request that comes when all children are done, but the gather has not resumed, is delivered",
          "[flow][gather]") {
  for (int passes = 2; passes <= 4; ++passes) {
    event_log log;
    INFO(passes);
    run_on_virtual_time([&]() -> weft::task<> {
      weft::task_handle<> t;
      auto child = [&]() -> weft::task<int> { co_return 42; };
      auto body = [&]() -> weft::task<> {
        try {
          co_await weft::gather(child(), child());
          log("result");
        } catch (const weft::cancelled_error&) {
          log("cancelled");
          throw;
        }
      };
      t = weft::create_task(body);
      co_await yields(passes);  // 2: the children are done; 3: their callbacks have run; 4: the gatherer has gone on
      const bool accepted = t.cancel();
      CHECK(accepted == (passes < 4));
      co_await yields(3);
      CHECK(t.cancelled() == (passes < 4));
    });
    CHECK(log.text() == (passes < 4 ? "cancelled" : "result"));
  }
}

TEST_CASE("a request that comes when all children are done can be taken back: the results are not lost",
          "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    int result = 0;
    auto body = [&]() -> weft::task<> {
      auto [a, b] = co_await weft::gather(gives(1), gives(2));
      result = a + b;
    };
    auto t = weft::create_task(body);
    co_await yields(2);
    t.cancel();
    CHECK(t.uncancel() == 0);
    co_await t;
    CHECK(result == 3);
  });
}

TEST_CASE("a gather that failed and waits for its children can still be cancelled", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<> {
      try {
        co_await weft::gather(stubborn(log, "a", 20ms), fails("broken", 1ms));
      } catch (const std::runtime_error& e) {
        log(e.what());
      } catch (const weft::cancelled_error&) {
        log("cancelled");
      }
    };
    auto t = weft::create_task(body);
    co_await weft::sleep_for(5ms);
    t.cancel();
    co_await t;
    CHECK(now_ms() == 5);  // the second cancellation ended the stubborn child's last sleep
  });
  CHECK(log.text() == "a_ignored cancelled");
}

TEST_CASE("cancelling goes through nested gathers to every leaf, in order", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto pair = [&](std::string name) -> weft::task<> {
      co_await weft::gather(sleeper(log, name + "1"), sleeper(log, name + "2"));
    };
    auto four = [&](std::string name) -> weft::task<> { co_await weft::gather(pair(name + "1"), pair(name + "2")); };
    auto body = [&]() -> weft::task<> { co_await weft::gather(four("a"), pair("b"), sleeper(log, "c")); };
    auto t = weft::create_task(body);
    co_await weft::sleep_for(1ms);
    t.cancel();
    co_await weft::sleep_for(1ms);
    CHECK(t.cancelled());
    CHECK(weft::all_tasks().size() == 1);
  });
  CHECK(log.text() == "a11_cancelled a12_cancelled a21_cancelled a22_cancelled b1_cancelled b2_cancelled c_cancelled");
}

TEST_CASE("a failure in a nested gather cancels the outer one's other children", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto inner = [&]() -> weft::task<> { co_await weft::gather(fails("deep", 1ms), sleeper(log, "inner", 1h, 1ms)); };
    try {
      co_await weft::gather(inner(), sleeper(log, "outer"));
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
  });
  CHECK(log.text() == "inner_cancelled inner_cleaned_up outer_cancelled deep");
}

TEST_CASE("a gather may be an argument of a gather", "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [inner, three] = co_await weft::gather(weft::gather(gives(1), gives(2)), gives(3));
    const auto [one, two] = inner;
    CHECK(one + two + three == 6);
  });
}

// ---- the same task twice ----

TEST_CASE("a task_ref is gathered as a handle is: in as many passes, and others' tasks are left alone",
          "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto yields = []() -> weft::task<int> {
      for (int i = 0; i < 3; ++i) co_await weft::yield();
      co_return 1;
    };
    pass_counter counter;
    auto typed = weft::create_task(yields);
    co_await weft::gather(typed);
    const int passes = counter.passes();
    const weft::task_ref untyped = weft::create_task(yields);
    counter.restart();
    co_await weft::gather(untyped);
    CHECK(counter.passes() == passes);
    counter.restart();
    co_await weft::gather(untyped, weft::task_ref(typed));
    CHECK(counter.passes() == 0);
    std::vector<weft::task_ref> all;
    for (int i = 0; i < 2; ++i) all.push_back(weft::create_task(yields));
    all.push_back(untyped);
    co_await weft::gather(all);
    CHECK(all[1].done());

    auto fails = []() -> weft::task<> {
      co_await weft::yield();
      throw std::runtime_error("broken");
    };
    const weft::task_ref failing = weft::create_task(fails);
    const weft::task_ref other = weft::create_task(yields);
    std::string told;
    try {
      co_await weft::gather(other, failing);
    } catch (const std::runtime_error& e) {
      told = e.what();
    }
    CHECK(told == "broken");
    CHECK_FALSE(other.done());
    CHECK(weft::all_tasks().size() == 2);  // this one, and the other one itself
    const auto [first, second] = co_await weft::gather_outcomes(failing, other);
    CHECK(first.failed());
    CHECK(second.has_value());
  });
}

TEST_CASE("gather_outcomes leaves an exception also to the others who hold the task", "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto fails = []() -> weft::task<std::unique_ptr<int>> {
      co_await weft::yield();
      throw std::runtime_error("broken");
    };
    auto handle = weft::create_task(fails);
    const auto [outcome] = co_await weft::gather_outcomes(handle);
    CHECK(outcome.failed());
    CHECK(handle.exception() == outcome.exception());
    std::string told;
    try {
      co_await handle;
    } catch (const std::runtime_error& e) {
      told = e.what();
    }
    CHECK(told == "broken");
  });
}

TEST_CASE("a gather that was awaited before is refused, also if it was cancelled", "[flow][gather]") {
  int refusals = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    auto yields = []() -> weft::task<> { co_await weft::yield(); };
    auto launched = weft::gather(yields(), yields());
    auto adopted = weft::gather(weft::create_task(yields), yields());
    auto cancelled = weft::gather(yields(), yields());
    for (auto* once : {&launched, &cancelled}) {
      auto wait = [&]() -> weft::task<> { co_await std::move(*once); };
      auto task = weft::create_task(wait);
      co_await weft::yield();
      if (once == &cancelled) task.cancel();
      for (int i = 0; i < 4; ++i) co_await weft::yield();
      CHECK(task.done());
      try {
        co_await std::move(*once);
      } catch (const weft::invalid_state_error&) {
        ++refusals;
      }
    }
    co_await std::move(adopted);
    try {
      co_await std::move(adopted);
    } catch (const weft::invalid_state_error&) {
      ++refusals;
    }
  });
  CHECK(refusals == 3);
}

TEST_CASE("a handle that is given twice runs once and has two results", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto t = weft::create_task(sleeper(log, "once", 1ms));
    auto [a, b, c] = co_await weft::gather(t, gives(2), t);
    CHECK(a == 1);
    CHECK(b == 2);
    CHECK(c == 1);
    std::vector<weft::task_handle<int>> twice = {t, t};
    const std::vector<int> both = co_await weft::gather(twice);
    CHECK(both == std::vector<int>({1, 1}));
  });
  CHECK(log.text() == "once_slept");
}

TEST_CASE("a handle that is given twice is asked twice when the gather is cancelled, once when another child fails",
          "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto asked_twice = weft::create_task(sleeper(log, "a"));
    auto body = [&]() -> weft::task<> { co_await weft::gather(asked_twice, asked_twice); };
    auto t = weft::create_task(body);
    co_await yields(2);
    t.cancel();
    CHECK(asked_twice.cancelling() == 2);
    co_await yields(4);
    CHECK(t.cancelled());

    auto asked_once = weft::create_task(sleeper(log, "b"));
    try {
      co_await weft::gather(weft::adopt(asked_once), weft::adopt(asked_once), fails("broken", 1ms));
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
    CHECK(asked_once.cancelling() == 1);
  });
  CHECK(log.text() == "a_cancelled b_cancelled broken");
}

TEST_CASE("a handle's result that only moves is moved out by the gather", "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto handle = weft::create_task(gives(std::make_unique<int>(5)));
    auto [owner] = co_await weft::gather(handle);
    CHECK(*owner == 5);
  });
}

TEST_CASE("one handle may be gathered by several tasks, which all get its result", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto shared = weft::create_task(gives(std::string("a text that is too long for the small buffer"), 1ms));
    auto user = [&](std::string name) -> weft::task<> {
      auto [text] = co_await weft::gather(shared);
      log(name + std::to_string(text.size()));
    };
    co_await weft::gather(user("a"), user("b"), user("c"));
  });
  CHECK(log.text() == "a44 b44 c44");
}

TEST_CASE("a gather has its place among the done callbacks of a handle", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto shared = weft::create_task(yields(3));
    auto add_callback = [&](std::string word) {
      shared.add_done_callback(
          [&log, word](const weft::task_ref&) { weft::event_loop::current().call_soon([&log, word] { log(word); }); });
    };
    auto gathers = [&](std::string word) -> weft::task<> {
      co_await weft::gather(shared);
      log(word);
    };
    auto a = weft::create_task(gathers, std::string("1"));
    co_await weft::yield();
    add_callback("2");
    auto b = weft::create_task(gathers, std::string("3"));
    co_await weft::yield();
    add_callback("4");
    co_await weft::gather(a, b);
  });
  CHECK(log.text() == "1 2 3 4");
  log.clear();
  run_on_virtual_time([&]() -> weft::task<> {
    auto target = weft::create_task(nothing());
    target.add_done_callback(
        [&](const weft::task_ref&) { weft::event_loop::current().call_soon([&] { log("callback"); }); });
    co_await weft::gather(target);
    log("gathered");
  });
  CHECK(log.text() == "callback gathered");
}

// ---- gather_outcomes ----

TEST_CASE("gather_outcomes gives values, failures and cancellations alike, and cancels nobody", "[flow][gather]") {
  event_log log;
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto victim = weft::create_task(sleeper(log, "victim"));
    weft::event_loop::current().call_later(1ms, [&] { victim.cancel(); });
    auto [value, failure, cancelled, none] =
        co_await weft::gather_outcomes(sleeper(log, "value", 5ms), fails("broken", 1ms), victim, nothing());
    CHECK(value.has_value());
    CHECK(*value == 1);
    CHECK(failure.failed());
    CHECK_THROWS_WITH(failure.value(), "broken");
    CHECK(cancelled.cancelled());
    CHECK_THROWS_AS(cancelled.value(), weft::cancelled_error);
    CHECK(none.has_value());
    static_assert(std::is_same_v<decltype(none), weft::outcome<void>>);

    std::vector<weft::task<int>> tasks;
    tasks.push_back(fails("first"));
    tasks.push_back(gives(2));
    const std::vector<weft::outcome<int>> all = co_await weft::gather_outcomes(std::move(tasks));
    CHECK(all.size() == 2);
    CHECK(all[0].failed());
    CHECK(*all[1] == 2);
  });
  CHECK(log.text() == "victim_cancelled value_slept");
  CHECK(told.text() == "");  // they are results: somebody has them
}

TEST_CASE("a cancelled gather_outcomes cancels its children, waits, and throws cancelled_error", "[flow][gather]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&]() -> weft::task<> {
      co_await weft::gather_outcomes(sleeper(log, "a", 1h, 3ms), fails("broken", 1ms));
      log("result");
    };
    auto t = weft::create_task(body);
    co_await weft::sleep_for(2ms);
    t.cancel();
    co_await weft::sleep_for(10ms);
    CHECK(t.cancelled());
  });
  CHECK(log.text() == "a_cancelled a_cleaned_up");
}

TEST_CASE("gather_outcomes of references and of results that only move", "[flow][gather]") {
  run_on_virtual_time([]() -> weft::task<> {
    int target = 0;
    auto refers = [&]() -> weft::task<int&> { co_return target; };
    auto [reference, owner] = co_await weft::gather_outcomes(refers(), gives(std::make_unique<int>(4)));
    CHECK(&reference.value() == &target);
    std::unique_ptr<int> mine = std::move(owner).value();
    CHECK(*mine == 4);
  });
}

// ---- misuse ----

TEST_CASE("a gather that cannot start starts nothing, and destroys what it was given once", "[flow][gather]") {
  census counts;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&](tracked) -> weft::task<int> {
      log("started");
      co_return 1;
    };
    try {
      co_await weft::gather(child(tracked(counts)), weft::task<int>(), child(tracked(counts)));
    } catch (const weft::invalid_state_error&) {
      log("empty_task");
    }
    try {
      co_await weft::gather(child(tracked(counts)), weft::task_handle<int>());
    } catch (const weft::invalid_state_error&) {
      log("empty_handle");
    }
    weft::task_handle<int> self;
    auto gathers_itself = [&]() -> weft::task<int> {
      try {
        co_await weft::gather(child(tracked(counts)), self);
      } catch (const weft::usage_error& e) {
        CHECK_THAT(e.what(), contains("gather itself"));
        log("itself");
      }
      co_return 1;
    };
    self = weft::create_task(gathers_itself);
    co_await self;
    std::vector<weft::gather_child<int>> children;
    children.emplace_back(child(tracked(counts)));
    children.emplace_back(weft::task<int>());
    try {
      co_await weft::gather_outcomes(std::move(children));
    } catch (const weft::invalid_state_error&) {
      log("empty_in_range");
    }
    co_await yields(2);
    CHECK(counts.alive == 0);
    CHECK(weft::all_tasks().size() == 1);
  });
  CHECK(log.text() == "empty_task empty_handle itself empty_in_range");
  CHECK(counts.made > 0);
}

TEST_CASE("a view that throws while it makes the tasks leaves none behind", "[flow][gather]") {
  census counts;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&](tracked) -> weft::task<> {
      log("started");
      co_return;
    };
    auto make = [&](int i) {
      if (i == 3) throw std::runtime_error("no more");
      return child(tracked(counts));
    };
    try {
      co_await weft::gather(std::views::iota(0, 5) | std::views::transform(make));
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
    co_await yields(2);
  });
  CHECK(log.text() == "no more");
  CHECK(counts.made >= 3);
  CHECK(counts.alive == 0);
}

TEST_CASE("a pending handle of another loop cannot be gathered; one that is done can", "[flow][gather]") {
  weft::virtual_clock time;
  weft::event_loop other({.clock = &time});
  auto done = other.create_task(gives(1));
  other.run_until_complete(done);
  auto pending = other.create_task(gives(2));
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto [one] = co_await weft::gather(done);
    CHECK(one == 1);
    try {
      co_await weft::gather(sleeper(log, "never"), pending);
    } catch (const weft::usage_error& e) {
      CHECK_THAT(e.what(), contains("another loop"));
      log("refused");
    }
    co_await yields(2);
  });
  CHECK(log.text() == "refused");
  CHECK(other.run_until_complete(pending) == 2);
}

// ---- destroyed while waiting, reports, many ----

TEST_CASE("a gather that is destroyed while it waits leaves its children to the loop, and nothing leaks",
          "[flow][gather]") {
  census counts;
  reports told;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    told.listen(loop);
    auto child = [](tracked, int passes) -> weft::task<> {
      if (passes == 0) co_await weft::sleep_for(1h);
      co_await yields(passes);
    };
    auto ref = loop.create_task(child(tracked(counts), 0));
    auto body = [&](tracked t) -> weft::task<> {
      auto [a, b, c, d, e] = co_await weft::gather_outcomes(child(t, 0), child(t, 1), ref, child(t, 2), child(t, 3));
      CHECK(a.cancelled());
    };
    loop.create_task(body(tracked(counts)));
    for (int i = 0; i < 3; ++i) weft_test::run_one_pass(loop);  // some are done, some have just ended, some wait
    CHECK(counts.alive > 4);
  }
  CHECK(counts.alive == 0);
  CHECK(told.count() > 2);
}

TEST_CASE("a loop may go in any pass of a gather", "[flow][gather]") {
  for (int passes = 0; passes <= 8; ++passes) {
    INFO(passes);
    census counts;
    {
      weft::virtual_clock time;
      weft::event_loop loop({.clock = &time});
      loop.set_exception_handler([](const weft::exception_context&) {});
      auto child = [](tracked, int n) -> weft::task<int> {
        co_await yields(n);
        if (n == 2) throw std::runtime_error("broken");
        co_return n;
      };
      auto ref = loop.create_task(child(tracked(counts), 4));
      auto body = [&](tracked t) -> weft::task<> {
        try {
          co_await weft::gather(child(t, 1), ref, child(t, 2), child(t, 3), ref);
        } catch (const std::runtime_error&) {
        }
        co_await ref;
      };
      auto t = loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(loop);
      if (passes % 2 == 1) t.cancel();
    }
    CHECK(counts.alive == 0);
  }
}

TEST_CASE("a deadlock report names the children of a gather that are left", "[flow][gather]") {
  class never {
   public:
    bool await_ready() const noexcept { return false; }
    void await_suspend(weft::task_state&) const noexcept {}
    void await_resume() const noexcept {}
  };
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  loop.set_exception_handler([](const weft::exception_context&) {});
  auto stuck = []() -> weft::task<> { co_await never(); };
  auto done = loop.create_task(nothing(), "done");
  auto waiting = loop.create_task(stuck(), "stuck");
  auto body = [&]() -> weft::task<> { co_await weft::gather(done, waiting, nothing()); };
  loop.create_task(body());
  CHECK_THROWS_WITH(loop.run_forever(), contains("a gather of 3 tasks") && contains("left: 'stuck'"));
}

TEST_CASE("gather of a thousand tasks, and of a thousand of which one fails", "[flow][gather]") {
  int cancelled = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    std::vector<weft::task<int>> tasks;
    for (int i = 0; i < 1000; ++i) tasks.push_back(gives(i, std::chrono::milliseconds(i % 7)));
    const std::vector<int> results = co_await weft::gather(std::move(tasks));
    int wrong = 0;
    for (int i = 0; i < 1000; ++i) wrong += results[static_cast<std::size_t>(i)] != i ? 1 : 0;
    CHECK(wrong == 0);
    CHECK(now_ms() == 6);

    auto counts = [&](int i) -> weft::task<> {
      try {
        co_await weft::sleep_for(std::chrono::milliseconds(1000 + i));
      } catch (const weft::cancelled_error&) {
        ++cancelled;
        throw;
      }
      throw std::runtime_error(std::to_string(i));
    };
    std::string caught;
    try {
      co_await weft::gather(std::views::iota(0, 1000) | std::views::transform(counts));
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
    CHECK(caught == "0");
    CHECK(weft::all_tasks().size() == 1);
    CHECK(weft::event_loop::current().armed_timers() == 0);
  });
  CHECK(cancelled == 999);
}

}  // namespace flow_gather_test
