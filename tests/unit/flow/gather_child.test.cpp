// Tests of weft/flow/gather_child.hpp: what a gather keeps of each child, from the coroutine to the result.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/gather_child.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>

#include <type_traits>
#include <utility>
#include <vector>

namespace flow_gather_child_test {

using weft::gather_child;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<int> gives(int n) { co_return n; }
weft::task<> holds(tracked) { co_await weft::yield(); }

TEST_CASE("a child is a pointer and a few bits, whatever it returns", "[flow][gather_child]") {
  STATIC_REQUIRE(sizeof(gather_child<void>) == 2 * sizeof(void*));
  STATIC_REQUIRE(sizeof(gather_child<std::vector<int>>) == 2 * sizeof(void*));
}

TEST_CASE("a child that is never gathered destroys its coroutine, once, wherever it was moved",
          "[flow][gather_child]") {
  weft_test::census counts;
  {
    std::vector<gather_child<void>> children;
    for (int i = 0; i < 10; ++i) children.push_back(holds(tracked(counts)));
    gather_child<void> moved(std::move(children[3]));
    CHECK(counts.alive == 10);
    children.clear();
    CHECK(counts.alive == 1);
  }
  CHECK(counts.alive == 0);
}

TEST_CASE("a gather that is never awaited starts none of its children and destroys them", "[flow][gather_child]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      auto never = weft::gather(holds(tracked(counts)), holds(tracked(counts)));
      CHECK(counts.alive == 2);
      static_cast<void>(never);
    }
    CHECK(counts.alive == 0);
    CHECK(weft::all_tasks().size() == 1);
    co_await weft::yield();
  });
}

TEST_CASE("a child keeps a running task for as long as it is there", "[flow][gather_child]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto running = weft::create_task(gives(3));
    gather_child<int> child(running);
    CHECK_FALSE(child.own());
    CHECK_FALSE(child.in_charge());
    CHECK(&child.state() == &running.state());
    CHECK(weft::adopt(running).in_charge());
    running = weft::task_handle<int>();
    co_await weft::yield();
    CHECK(child.state().done());
    const int result = child.take_result<int>().value();
    CHECK(result == 3);
  });
}

// What a descriptor's owner may look like: moved as its bytes are, and never copied.
class unshared {
 public:
  explicit unshared(int n) noexcept : number(n) {}
  unshared(const unshared&) = delete;
  unshared& operator=(const unshared&) = delete;
  unshared(unshared&&) = default;
  unshared& operator=(unshared&&) = default;

  int number;
};
static_assert(std::is_trivially_copyable_v<unshared> && !std::is_copy_constructible_v<unshared>);

TEST_CASE("a result that is as small as a pointer may be one that only moves", "[flow][gather_child]") {
  int sum = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto gives_unshared = [](int n) -> weft::task<unshared> { co_return unshared(n); };
    const auto [a, b] = co_await weft::gather(gives_unshared(1), gives_unshared(2));
    sum = a.number + b.number;
    std::vector<weft::task<unshared>> many;
    for (int n = 10; n <= 30; n += 10) many.push_back(gives_unshared(n));
    const auto all = co_await weft::gather(std::move(many));
    for (const unshared& each : all) sum += each.number;
  });
  CHECK(sum == 63);
}

TEST_CASE("the gather is in charge of a task that it starts, and not of a future", "[flow][gather_child]") {
  run_on_virtual_time([]() -> weft::task<> {
    const gather_child<int> task(gives(1));
    CHECK(task.own());
    CHECK(task.in_charge());
    weft::future<int> future;
    const gather_child<int> shared(weft::as_startable(future));
    CHECK(shared.own());
    CHECK_FALSE(shared.in_charge());
    co_await weft::yield();
  });
}

TEST_CASE("an empty task or handle is refused when it is prepared", "[flow][gather_child]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event_loop& loop = weft::event_loop::current();
    gather_child<int> no_task{weft::task<int>()};
    gather_child<int> no_handle{weft::task_handle<int>()};
    CHECK_THROWS_AS(no_task.prepare<int>(loop), weft::invalid_state_error);
    CHECK_THROWS_AS(no_handle.prepare<int>(loop), weft::invalid_state_error);
    co_await weft::yield();
  });
}

TEST_CASE("a child that was prepared and not started ends with its entry, unseen", "[flow][gather_child]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      gather_child<void> child(holds(tracked(counts)));
      child.prepare<void>(weft::event_loop::current());
      CHECK(weft::all_tasks().size() == 2);
    }
    CHECK(counts.alive == 0);
    CHECK(weft::all_tasks().size() == 1);
    co_await weft::yield();
  });
}

}  // namespace flow_gather_child_test
