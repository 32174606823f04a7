// Tests of weft/core/startable.hpp: what counts as startable, and the two ways to go on.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/queue.hpp>
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

namespace core_startable_test {

using namespace std::chrono_literals;
using weft::as_startable;
using weft::startable;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

template <class T>
weft::task<T> gives(T value) {
  co_return value;
}
weft::task<> says(event_log& log, std::string word) {
  log(word);
  co_await weft::yield();
}

// What a startable of type A gives.
template <class A>
using result_of = typename decltype(as_startable(std::declval<A>()))::value_type;

TEST_CASE("tasks and operations are startable as rvalues; handles, futures and functions in any way",
          "[core][startable]") {
  using handle = weft::task_handle<int>;
  using without_arguments = std::function<weft::task<int>()>;
  using with_argument = weft::task<int> (*)(int);
  STATIC_REQUIRE(startable<weft::task<>>);
  STATIC_REQUIRE(startable<weft::sleep_awaiter<weft::duration>>);
  STATIC_REQUIRE(startable<weft::lock_awaiter>);
  STATIC_REQUIRE((startable<weft::future<int>> && startable<const weft::future<int>&>));
  STATIC_REQUIRE((startable<handle> && startable<handle&> && startable<const handle&>));
  STATIC_REQUIRE((startable<without_arguments&> && startable<without_arguments>));
  STATIC_REQUIRE_FALSE(startable<weft::task<>&>);
  STATIC_REQUIRE_FALSE(startable<const weft::task<>>);
  STATIC_REQUIRE_FALSE(startable<weft::sleep_awaiter<weft::duration>&>);
  STATIC_REQUIRE_FALSE(startable<with_argument>);
  STATIC_REQUIRE_FALSE(startable<int>);
  STATIC_REQUIRE_FALSE(startable<std::chrono::seconds>);
  STATIC_REQUIRE_FALSE(startable<std::vector<weft::task<>>>);
}

TEST_CASE("a startable gives what it stands for: of a task, a handle, a function, an operation, a future",
          "[core][startable]") {
  STATIC_REQUIRE(std::is_same_v<result_of<weft::task<int&>>, int&>);
  STATIC_REQUIRE(std::is_same_v<result_of<weft::task_handle<std::string>&>, std::string>);
  STATIC_REQUIRE(std::is_same_v<result_of<weft::task<> (*)()>, void>);
  STATIC_REQUIRE(std::is_same_v<result_of<weft::lock_awaiter>, weft::mutex_lock>);
  STATIC_REQUIRE(std::is_same_v<result_of<weft::event_awaiter>, void>);
  STATIC_REQUIRE(std::is_same_v<result_of<weft::future<int>>, int>);
  STATIC_REQUIRE(std::is_same_v<result_of<decltype(std::declval<weft::queue<int>&>().get())>, int>);
}

TEST_CASE("nothing runs before a startable is started, and what is never started is destroyed", "[core][startable]") {
  event_log log;
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [](tracked) -> weft::task<> { co_return; };
    {
      auto never = as_startable(body(tracked(counts)));
      CHECK(never.starts());
      CHECK(counts.alive == 1);
    }
    CHECK(counts.alive == 0);
    auto later = as_startable(says(log, "ran"));
    co_await weft::yield();
    CHECK(log.text().empty());
    auto handle = later.start(weft::event_loop::current());
    CHECK(later.start(weft::event_loop::current()) == handle);  // it runs already
    co_await handle;
  });
  CHECK(log.text() == "ran");
}

TEST_CASE("a running task is not started again, and start() gives its handle", "[core][startable]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto running = weft::create_task(says(log, "once"));
    auto s = as_startable(running);
    CHECK_FALSE(s.starts());
    CHECK(s.start(weft::event_loop::current()) == running);
    co_await running;
    co_await as_startable(running).here();  // it is done
  });
  CHECK(log.text() == "once");
}

TEST_CASE("here() runs a task inside of the one that awaits it, without a pass", "[core][startable]") {
  weft::queue<std::unique_ptr<int>> q;
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(std::make_unique<int>(3));
    weft_test::pass_counter counter;
    const int n = co_await as_startable(gives(1)).here();
    const int m = co_await as_startable([] { return gives(2); }).here();
    const auto owner = co_await as_startable(q.get()).here();
    CHECK(100 * n + 10 * m + *owner == 123);
    CHECK(counter.passes() == 0);
    CHECK(weft::all_tasks().size() == 1);
  });
}

TEST_CASE("here() of a handle copies the result, or moves out what only moves", "[core][startable]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto text = weft::create_task(gives(std::string("a string that is too long for the small buffer")));
    const std::string copy = co_await as_startable(text).here();
    CHECK(copy == text.result());
    auto owner = weft::create_task(gives(std::make_unique<int>(5)));
    const auto moved = co_await as_startable(owner).here();
    CHECK(*moved == 5);
    CHECK(owner.result() == nullptr);
  });
}

TEST_CASE("shared_result copies what others may ask for, or moves out what only moves", "[core][startable]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    auto text = weft::create_task(gives(std::string("text")));
    auto owner = weft::create_task(gives(std::make_unique<int>(5)));
    const auto refers = [&]() -> weft::task<int&> { co_return target; };
    auto reference = weft::create_task(refers);
    co_await weft::yield();
    CHECK(weft::shared_result(text) == "text");
    CHECK(text.result() == "text");
    CHECK(*weft::shared_result(owner) == 5);
    CHECK(owner.result() == nullptr);
    weft::shared_result(reference) = 2;
  });
  CHECK(target == 2);
}

TEST_CASE("a function lives as long as its coroutine runs", "[core][startable]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      const auto body = [kept = tracked(counts), &counts]() -> weft::task<int> {
        co_await weft::yield();
        co_return counts.alive;
      };
      auto s = as_startable(body);
      const int alive = co_await std::move(s).here();
      CHECK(alive >= 2);
    }
    CHECK(counts.alive == 0);
  });
}

TEST_CASE("an empty task or handle is refused when it is started or awaited", "[core][startable]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event_loop& loop = weft::event_loop::current();
    CHECK_THROWS_AS(as_startable(weft::task<>()).start(loop), weft::invalid_state_error);
    CHECK_THROWS_AS(as_startable(weft::task_handle<int>()).start(loop), weft::invalid_state_error);
    bool refused = false;
    try {
      static_cast<void>(co_await as_startable(weft::task_handle<int>()).here());
    } catch (const weft::invalid_state_error&) {
      refused = true;
    }
    CHECK(refused);
    CHECK(weft::all_tasks().size() == 1);
  });
}

}  // namespace core_startable_test
