// Tests of weft/threads/to_thread.hpp: the loop's own pool.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/time_limit.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/threads/run_coroutine_threadsafe.hpp>
#include <weft/threads/to_thread.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace threads_to_thread_test {

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

TEST_CASE("the end of run() runs what abandoned calls post until the last of them has ended", "[threads][to_thread]") {
  const weft_test::time_limit limit;
  std::vector<int> ran;
  std::latch works(1);
  weft::run([&]() -> weft::task<> {
    const auto posts = [&works, &ran](const weft::remote_loop& home) {
      works.count_down();
      for (int i = 1; i <= 3; ++i) {
        std::this_thread::sleep_for(5ms);
        home.call_soon_threadsafe([&ran, i] { ran.push_back(i); });
      }
    };
    auto call = weft::create_task(
        [&]() -> weft::task<> { co_await weft::to_thread(posts, weft::event_loop::current().remote()); });
    co_await weft::yield();
    works.wait();
  });
  CHECK(ran == std::vector{1, 2, 3});
}

TEST_CASE("the end of run() runs what a call has posted at the very end", "[threads][to_thread]") {
  const weft_test::time_limit limit;
  bool ran = false;
  weft::run([&]() -> weft::task<> {
    const weft::remote_loop home = weft::event_loop::current().remote();
    co_await weft::to_thread([] {});
    std::thread([&] { home.call_soon_threadsafe([&] { ran = true; }); }).join();
  });
  CHECK(ran);
}

// Begins a call that begins another one when the loop is waiting for the pool, if the machine is not too busy.
void call_and_call_again(std::atomic<int>& begun, std::atomic<int>& ended) {
  std::latch works(1);
  weft::run([&]() -> weft::task<> {
    const auto takes_its_time = [&begun, &ended] {
      ++begun;
      std::this_thread::sleep_for(20ms);
      ++ended;
    };
    const auto again = [takes_its_time] {
      weft::create_task([takes_its_time]() -> weft::task<> { co_await weft::to_thread(takes_its_time); });
    };
    const auto posts = [&works, takes_its_time, again](const weft::remote_loop& home) {
      works.count_down();
      std::this_thread::sleep_for(5ms);
      home.call_soon_threadsafe(again);
      takes_its_time();
    };
    auto call = weft::create_task(
        [&]() -> weft::task<> { co_await weft::to_thread(posts, weft::event_loop::current().remote()); });
    co_await weft::yield();
    works.wait();
  });
}

TEST_CASE("what is started while the default pool is waited for is ended, too", "[threads][to_thread]") {
  const weft_test::time_limit limit;
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  do {
    begun = ended = 0;
    call_and_call_again(begun, ended);
    CHECK(ended == begun);
  } while (begun < 2);  // the second one was cancelled before it had begun
}

TEST_CASE("the default pool can be waited for, and used again", "[threads][to_thread]") {
  const weft_test::time_limit limit;
  weft::event_loop loop;
  loop.run_until_complete(weft::shutdown_default_executor(loop));  // there is none: nothing to wait for
  std::atomic<bool> ended = false;
  loop.run_until_complete([&]() -> weft::task<> {
    auto call = weft::create_task([&]() -> weft::task<> {
      co_await weft::to_thread([&ended] {
        std::this_thread::sleep_for(10ms);
        ended = true;
      });
    });
    co_await weft::yield();
    co_await weft::shutdown_default_executor(weft::event_loop::current());
    CHECK(ended);
    co_await weft::to_thread([&ended] { ended = false; });
    CHECK(!ended);
  });
  CHECK(weft::default_thread_pool(loop).posted() == 2);
}

TEST_CASE("a loop of one's own can go while a call in its pool waits for what it has posted to it",
          "[threads][to_thread]") {
  const weft_test::time_limit limit;
  std::atomic<bool> stopped{false};
  std::string told;
  const auto gives = []() -> weft::task<int> { co_return 1; };
  const auto blocks = [&](const weft::remote_loop& remote) {
    remote.call_soon_threadsafe([] { weft::event_loop::current().stop(); });
    while (!stopped) std::this_thread::yield();
    try {
      told = std::to_string(weft::run_coroutine_threadsafe(remote, gives).get());
    } catch (const weft::loop_closed_error&) {
      told = "the loop has gone";
    }
  };
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});  // the task is pending
    const auto main = [&]() -> weft::task<> { co_await weft::to_thread(blocks, weft::event_loop::current().remote()); };
    loop.create_task(main);
    loop.run_forever();
    stopped = true;
  }
  CHECK(told == "the loop has gone");
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

}  // namespace threads_to_thread_test
