// Tests of weft/core/nested_task.hpp: a body inside of an awaiter, however it ends and whatever ends around it.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/small_stack.hpp"
#include "support/throws_when_moved.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/nested_task.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace core_nested_task_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

// Says when the body begins and ends.
template <class T>
class logged {
 public:
  logged(event_log& log, weft::task<T>&& body) noexcept : log_(&log), body_(std::move(body)) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state& waiting) {
    (*log_)("begin");
    body_.start(waiting);
  }
  T await_resume() {
    weft::outcome<T> result = body_.take_outcome();
    (*log_)(result.has_value() ? "value" : result.failed() ? "failure" : "cancelled");
    return std::move(result).value();
  }

 private:
  event_log* log_;
  weft::nested_task<T> body_;
};

template <class T>
weft::task<T> gives(T value) {
  co_return value;
}

TEST_CASE("a nested task runs in the task that waits, without a pass of its own", "[core][nested_task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    const weft::task_ref self = weft::current_task();
    const auto body = [&]() -> weft::task<int> {
      CHECK(weft::current_task() == self);
      log("body");
      co_await weft::yield();
      co_return 7;
    };
    const int n = co_await logged<int>(log, body());
    CHECK(n == 7);
    CHECK(counter.passes() == 1);
    CHECK(weft::all_tasks().size() == 1);
  });
  CHECK(log.text() == "begin body value");
}

TEST_CASE("a nested task may give nothing, a reference, or what only moves", "[core][nested_task]") {
  event_log log;
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto nothing = []() -> weft::task<> { co_return; };
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    co_await logged<void>(log, nothing());
    int& got = co_await logged<int&>(log, refers());
    got = 2;
    const auto owner = co_await logged<std::unique_ptr<int>>(log, gives(std::make_unique<int>(3)));
    CHECK(*owner == 3);
  });
  CHECK(target == 2);
}

TEST_CASE("a nested task's exception and its cancellation are outcomes first", "[core][nested_task]") {
  event_log log;
  weft::event never;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto throws = []() -> weft::task<> {
      co_await weft::yield();
      throw std::runtime_error("broken");
    };
    try {
      co_await logged<void>(log, throws());
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
    const auto waits = [&]() -> weft::task<> { co_await never.wait(); };
    const auto body = [&]() -> weft::task<> { co_await logged<void>(log, waits()); };
    auto t = weft::create_task(body());
    co_await weft::yield();
    t.cancel();
    co_await weft::yield();
    CHECK(t.cancelled());
  });
  CHECK(log.text() == "begin failure broken begin cancelled");
}

TEST_CASE("a nested task's result that throws on its way is a failure first", "[core][nested_task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    int moves_left = 2;  // into the promise, out of it
    const auto body = [&]() -> weft::task<weft_test::throws_when_moved> {
      co_return weft_test::throws_when_moved(moves_left);
    };
    try {
      co_await logged<weft_test::throws_when_moved>(log, body());
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
  });
  CHECK(log.text() == "begin failure moved");
}

TEST_CASE("an empty nested task is refused where it is started", "[core][nested_task]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      co_await logged<void>(log, weft::task<>());
    } catch (const weft::invalid_state_error&) {
      log("refused");
    }
  });
  CHECK(log.text() == "begin refused");
}

TEST_CASE("a nested task that is never started is destroyed, once", "[core][nested_task]") {
  weft_test::census counts;
  const auto body = [](tracked) -> weft::task<> { co_return; };
  {
    weft::nested_task<void> none;
    const weft::nested_task<void> never(body(tracked(counts)));
    CHECK(counts.alive == 1);
    weft::nested_task<void> first(body(tracked(counts)));
    const weft::nested_task<void> moved(std::move(first));
    CHECK(counts.alive == 2);
  }
  CHECK(counts.alive == 0);
}

TEST_CASE("a nested task's frame goes when its outcome is taken", "[core][nested_task]") {
  weft_test::census counts;
  event_log log;
  const auto body = [](tracked) -> weft::task<> { co_await weft::yield(); };
  run_on_virtual_time([&]() -> weft::task<> {
    auto one = body(tracked(counts));
    logged<void> around(log, std::move(one));
    CHECK(counts.alive == 1);
    co_await std::move(around);
    CHECK(counts.alive == 0);
  });
}

TEST_CASE("a loop may go in any pass around a nested task", "[core][nested_task]") {
  for (int passes = 0; passes < 4; ++passes) {
    INFO(passes);
    weft_test::census counts;
    weft_test::reports told;
    event_log log;
    const auto inner = [](tracked) -> weft::task<> {
      for (;;) co_await weft::yield();
    };
    const auto middle = [&](tracked t) -> weft::task<> { co_await logged<void>(log, inner(t)); };
    const auto body = [&](tracked t) -> weft::task<> { co_await logged<void>(log, middle(t)); };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      on.loop.create_task(body(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
    CHECK(log.text() == (passes == 0 ? "" : "begin begin"));
  }
}

weft::task<int> deep(event_log& log, int levels) {
  if (levels == 0) co_return 1;
  co_return 1 + co_await logged<int>(log, deep(log, levels - 1));
}

TEST_CASE("nested tasks a hundred thousand deep need no stack", "[core][nested_task]") {
  constexpr int levels = 100'000;
  const int n = weft_test::on_small_stack([] {
    event_log log;
    return run_on_virtual_time([&] { return deep(log, levels); });
  });
  CHECK(n == levels + 1);
}

TEST_CASE("nested tasks a hundred thousand deep are destroyed without recursion", "[core][nested_task]") {
  constexpr int levels = 100'000;
  const bool gone = weft_test::on_small_stack([] {
    event_log log;
    weft::event never;
    weft_test::reports told;
    const auto bottom = [&]() -> weft::task<int> {
      co_await never.wait();
      co_return 1;
    };
    const auto level = [&](auto& self, int left) -> weft::task<int> {
      auto body = left == 0 ? bottom() : self(self, left - 1);
      const int below = co_await logged<int>(log, std::move(body));
      co_return below + 1;
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      on.loop.create_task(level(level, levels));
      weft_test::run_one_pass(on.loop);
    }
    return never.waiters() == 0;
  });
  CHECK(gone);
}

TEST_CASE("a deadlock report shows the line inside of a nested task", "[core][nested_task]") {
  event_log log;
  weft::event never;
  const auto waits = [&]() -> weft::task<> { co_await never.wait(); };
  const auto body = [&]() -> weft::task<> { co_await logged<void>(log, waits()); };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for an event") && contains("nested_task.test.cpp:"));
}

TEST_CASE("a nested task costs no allocation but its frame", "[core][nested_task]") {
  event_log log;
  std::uint64_t allocated = 0;
  class quiet {
   public:
    explicit quiet(weft::task<int>&& body) noexcept : body_(std::move(body)) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(weft::task_state& waiting) { body_.start(waiting); }
    int await_resume() { return body_.take_outcome().value(); }

   private:
    weft::nested_task<int> body_;
  };
  run_on_virtual_time([&]() -> weft::task<> {
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames
      const std::uint64_t before = weft_test::allocations();
      static_cast<void>(co_await quiet(gives(1)));
      allocated = weft_test::allocations() - before;
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

}  // namespace core_nested_task_test
