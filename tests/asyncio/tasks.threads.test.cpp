// What CPython's test_tasks states about asyncio.run_coroutine_threadsafe().
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/threads/run_coroutine_threadsafe.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace asyncio_tasks_threads_test {

using namespace std::chrono_literals;
using weft_test::run_on_virtual_time;

// Runs talk(remote) in another thread, and a loop in this one until it has returned; gives what it returns.
template <class Talk>
std::string talk_from_another_thread(Talk talk) {
  const weft_test::time_limit limit;
  std::thread thread;
  const std::string said = run_on_virtual_time([&]() -> weft::task<std::string> {
    weft::future<std::string> heard;
    auto body = [&heard, &talk, loop = weft::event_loop::current().remote()] {
      const std::string words = talk(loop);
      loop.call_soon_threadsafe([&heard, words] { heard.set_result(words); });
    };
    thread = std::thread(body);
    const std::string words = co_await heard;
    CHECK(weft::all_tasks().size() == 1);  // nobody is left behind
    co_return words;
  });
  thread.join();
  return said;
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe
TEST_CASE("another thread may submit a coroutine and wait for its result", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) {
    auto sum = weft::run_coroutine_threadsafe(loop, []() -> weft::task<int> {
      co_await weft::sleep_for(50ms);
      co_return 1 + 2;
    });
    return std::to_string(sum.get());
  });
  CHECK(said == "3");
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_exception
TEST_CASE("the exception of a submitted coroutine reaches the thread that waits for it", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) -> std::string {
    auto sum = weft::run_coroutine_threadsafe(loop, []() -> weft::task<int> {
      co_await weft::sleep_for(50ms);
      throw std::runtime_error("Fail!");
    });
    try {
      sum.get();
    } catch (const std::runtime_error& e) {
      weft::run_coroutine_threadsafe(loop, []() -> weft::task<> { co_return; }).get();  // the loop has let go of it
      return e.what();
    }
    return "no exception";
  });
  CHECK(said == "Fail!");
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_timeout
TEST_CASE("a thread that waits no longer can cancel what it has submitted", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) -> std::string {
    auto never = weft::run_coroutine_threadsafe(loop, []() -> weft::task<int> {
      weft::future<int> nobody_sets_it;
      co_return co_await nobody_sets_it;
    });
    if (never.wait_for(0s) == std::future_status::ready) return "ready";
    never.cancel();
    try {
      never.get();
    } catch (const weft::cancelled_error&) {
      return "cancelled";
    }
    return "not cancelled";
  });
  CHECK(said == "cancelled");
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_task_cancelled
TEST_CASE("a submitted coroutine that cancels itself is cancelled for the thread that waits, too", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) -> std::string {
    auto sum = weft::run_coroutine_threadsafe(loop, []() -> weft::task<int> {
      weft::current_task().cancel();
      co_await weft::yield();
      co_return 1 + 2;
    });
    try {
      sum.get();
    } catch (const weft::cancelled_error&) {
      return "cancelled";
    }
    return "not cancelled";
  });
  CHECK(said == "cancelled");
}

}  // namespace asyncio_tasks_threads_test
