// Tests of weft/core/handle_awaiter.hpp: when a task that waits for another one resumes, with what, and what is
// refused.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace core_handle_awaiter_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::pass_counter;
using weft_test::reports;
using weft_test::run_on_virtual_time;

template <class T>
weft::task<T> gives(T value) {
  co_return value;
}
weft::task<> sleeps(std::chrono::milliseconds time) { co_await weft::sleep_for(time); }
weft::task<int> fails(std::string what, int passes = 0) {
  for (int i = 0; i < passes; ++i) co_await weft::yield();
  throw std::runtime_error(what);
}

TEST_CASE("awaiting a new task takes two passes, awaiting one that is done none", "[core][handle_awaiter]") {
  run_on_virtual_time([]() -> weft::task<> {
    pass_counter counter;
    const int one = co_await weft::create_task(gives(1));
    CHECK(one == 1);
    CHECK(counter.passes() == 2);
    auto done = weft::create_task(gives(2));
    co_await weft::yield();
    counter.restart();
    const int two = co_await done;
    CHECK(two == 2);
    weft::task_ref untyped = done;
    co_await untyped;
    CHECK(counter.passes() == 0);
  });
}

TEST_CASE("a named handle gives references to its result, a temporary or moved one the result itself",
          "[core][handle_awaiter]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto handle = weft::create_task(gives(std::string("a text that is too long for the small buffer")));
    const auto& first = co_await handle;
    const auto& second = co_await handle;
    static_assert(std::is_same_v<decltype(first), const std::string&>);
    CHECK(&first == &second);
    CHECK(&first == &handle.result());
    const std::string moved = co_await std::move(handle);
    CHECK(moved == "a text that is too long for the small buffer");

    auto owner = weft::create_task(gives(std::make_unique<int>(5)));
    const std::unique_ptr<int>& shared = co_await owner;
    CHECK(*shared == 5);
    std::unique_ptr<int> mine = std::move(owner).result();
    CHECK(*mine == 5);
    std::unique_ptr<int> direct = co_await weft::create_task(gives(std::make_unique<int>(6)));
    CHECK(*direct == 6);
  });
}

TEST_CASE("a task may return a reference, to const or not", "[core][handle_awaiter]") {
  int number = 1;
  const std::string text = "constant";
  run_on_virtual_time([&]() -> weft::task<> {
    auto to_number = [&]() -> weft::task<int&> { co_return number; };
    auto to_text = [&]() -> weft::task<const std::string&> { co_return text; };
    auto number_handle = weft::create_task(to_number);
    auto text_handle = weft::create_task(to_text);
    int& n = co_await number_handle;
    const std::string& t = co_await text_handle;
    CHECK(&n == &number);
    CHECK(&t == &text);
    CHECK(&number_handle.result() == &number);
    CHECK(&text_handle.result() == &text);
    const std::string& direct = co_await weft::create_task(to_text);
    CHECK(&direct == &text);
    int& direct_number = co_await weft::create_task(to_number);
    CHECK(&direct_number == &number);
  });
}

TEST_CASE("several tasks that await one handle wake in the order in which they came", "[core][handle_awaiter]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto target = weft::create_task(sleeps(5ms));
    auto wait = [&](std::string word) -> weft::task<> {
      co_await target;
      log(word);
    };
    std::vector<weft::task_handle<>> waiting;
    for (const char* word : {"a", "b", "c"}) waiting.push_back(weft::create_task(wait, std::string(word)));
    for (auto& w : waiting) co_await w;
  });
  CHECK(log.text() == "a b c");
}

TEST_CASE("a handle may be dropped or replaced while it is awaited", "[core][handle_awaiter]") {
  int result = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    auto shared = weft::create_task(gives(5));
    auto wait = [&]() -> weft::task<> { result = co_await shared; };
    auto waiting = weft::create_task(wait);
    weft::event_loop::current().call_soon([&] { shared = {}; });
    co_await waiting;
  });
  CHECK(result == 5);
}

TEST_CASE("awaiting a handle rethrows the exception each time, and cancelled_error if the task was cancelled",
          "[core][handle_awaiter]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto failing = weft::create_task(fails("broken"));
    auto cancelled = weft::create_task(sleeps(1s));
    cancelled.cancel();
    for (weft::task_ref target : {weft::task_ref(failing), weft::task_ref(cancelled)}) {
      for (int i = 0; i < 2; ++i) {
        try {
          co_await target;
        } catch (const std::runtime_error& e) {
          log(e.what());
        } catch (const weft::cancelled_error&) {
          log("cancelled");
        }
      }
    }
    try {
      co_await failing;
    } catch (const std::runtime_error& e) {
      log(e.what());
    }
    CHECK(weft::current_task().cancelling() == 0);  // nobody asked this one to stop
  });
  CHECK(log.text() == "broken broken cancelled cancelled broken");
}

TEST_CASE("a waiter that is cancelled in the pass in which the task failed has looked all the same",
          "[core][handle_awaiter]") {
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto failing = weft::create_task(fails("lost", 1), "worker");
    auto wait = [&]() -> weft::task<> { co_await failing; };
    auto waiting = weft::create_task(wait);
    co_await weft::yield();
    co_await weft::yield();
    CHECK(failing.done());
    CHECK_FALSE(waiting.done());
    CHECK(waiting.cancel());
    co_await weft::yield();
    CHECK(waiting.cancelled());
    CHECK(failing.exception_retrieved());
  });
  CHECK(told.text() == "");
}

TEST_CASE("a task that awaits itself is told so instead of hanging", "[core][handle_awaiter]") {
  std::string told;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int typed = 0; typed < 2; ++typed) {
      weft::task_handle<> self;
      auto child = [&]() -> weft::task<> {
        try {
          if (typed == 1) {
            co_await self;
          } else {
            co_await weft::current_task();
          }
        } catch (const weft::usage_error& e) {
          told = e.what();
        }
        co_await weft::yield();  // and it goes on
      };
      self = weft::create_task(child);
      co_await self;
    }
  });
  CHECK_THAT(told, contains("await itself"));
}

TEST_CASE("the refusal to await oneself comes in the next pass, as in asyncio", "[core][handle_awaiter]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&]() -> weft::task<> {
      try {
        co_await weft::current_task();
      } catch (const weft::usage_error&) {
        log("refused");
      }
    };
    auto t = weft::create_task(child);
    co_await weft::yield();
    log("1");
    co_await weft::yield();
    log("2");
    co_await t;
  });
  CHECK(log.text() == "1 refused 2");
}

TEST_CASE("a task that awaits itself and is cancelled in that pass is cancelled", "[core][handle_awaiter]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto child = []() -> weft::task<> { co_await weft::current_task(); };
    auto t = weft::create_task(child);
    co_await weft::yield();
    CHECK(t.cancel());
    co_await weft::yield();
    CHECK(t.cancelled());
  });
}

TEST_CASE("a pending task of another loop cannot be awaited; one that is done can", "[core][handle_awaiter]") {
  weft::virtual_clock time;
  weft::event_loop other({.clock = &time});
  auto pending = other.create_task(gives(1));
  auto done = other.create_task(gives(2));
  other.run_until_complete(done);
  auto late = other.create_task(gives(3));
  std::string told;
  int result = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    pass_counter counter;
    result = co_await done;
    CHECK(counter.passes() == 0);
    try {
      co_await late;
    } catch (const weft::usage_error& e) {
      told = e.what();
    }
  });
  CHECK(result == 2);
  CHECK_THAT(told, contains("another loop"));
  CHECK(other.run_until_complete(late) == 3);
}

TEST_CASE("awaiting a handle allocates nothing", "[core][handle_awaiter]") {
  std::uint64_t allocated = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    auto target = weft::create_task(sleeps(1ms));
    auto done = weft::create_task(gives(1));
    co_await weft::yield();
    const std::uint64_t before = weft_test::allocations();
    co_await target;
    co_await done;
    allocated = weft_test::allocations() - before;
  });
  CHECK(allocated == 0);
}

}  // namespace core_handle_awaiter_test
