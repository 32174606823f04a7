// Tests of weft/threads/to_thread.hpp: the loop's own pool.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/time_limit.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/threads/to_thread.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <latch>
#include <thread>

namespace {

using namespace std::chrono_literals;

TEST_CASE("blocking functions run side by side in the loop's threads", "[threads][to_thread]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    std::barrier all_at_once(3);
    const auto meet = [&](int n) {
      all_at_once.arrive_and_wait();  // would wait for ever if there was one thread
      return n;
    };
    const auto [a, b, c] =
        co_await weft::gather(weft::to_thread(meet, 1), weft::to_thread(meet, 2), weft::to_thread(meet, 3));
    CHECK(a + b + c == 6);
    CHECK(weft::default_thread_pool(weft::event_loop::current()).threads() == 3);
  });
}

TEST_CASE("the end of run() waits for a function that nobody waits for any more", "[threads][to_thread]") {
  const weft_test::time_limit limit;
  std::atomic<bool> ended{false};
  std::latch works(1);
  weft::run([&]() -> weft::task<> {
    auto call = weft::create_task([&]() -> weft::task<> {
      co_await weft::to_thread([&works, &ended] {
        works.count_down();
        std::this_thread::sleep_for(20ms);
        ended = true;
      });
    });
    co_await weft::yield();
    works.wait();
  });
  CHECK(ended.load());
}

TEST_CASE("each loop has a pool of its own", "[threads][to_thread]") {
  weft::event_loop first;
  weft::event_loop second;
  CHECK(&weft::default_thread_pool(first) == &weft::default_thread_pool(first));
  CHECK(&weft::default_thread_pool(first) != &weft::default_thread_pool(second));
}

TEST_CASE("to_thread outside of a loop is refused", "[threads][to_thread]") {
  CHECK_THROWS_AS(static_cast<void>(weft::to_thread([] {})), weft::usage_error);
}

TEST_CASE("on virtual time a function takes no time, and the clock waits for no timer before it",
          "[threads][to_thread]") {
  const weft_test::time_limit limit;
  weft::virtual_clock time;
  const auto body = []() -> weft::task<int> { co_return co_await weft::to_thread([] { return 5; }); };
  CHECK(weft::run(body(), {.clock = &time}) == 5);
  CHECK(time.now() == weft::time_point());
}

}  // namespace
