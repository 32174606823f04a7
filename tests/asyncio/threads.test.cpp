// What CPython's tests say of asyncio.to_thread() and of executors.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/time_limit.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/threads/run_in_executor.hpp>
#include <weft/threads/thread_pool.hpp>
#include <weft/threads/to_thread.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio_threads_test {

using namespace std::chrono_literals;

// CPython: threads ToThreadTests.test_to_thread
TEST_CASE("to_thread gives what the function returns", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  const auto body = []() -> weft::task<int> { co_return co_await weft::to_thread([] { return 40 + 2; }); };
  CHECK(weft::run(body()) == 42);
}

// CPython: threads ToThreadTests.test_to_thread_exception
TEST_CASE("to_thread throws what the function throws", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  const auto body = []() -> weft::task<> { co_await weft::to_thread([] { throw std::runtime_error("test"); }); };
  CHECK_THROWS_AS(weft::run(body()), std::runtime_error);
}

// CPython: threads ToThreadTests.test_to_thread_once
TEST_CASE("to_thread calls the function once", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  std::atomic<int> calls{0};
  const auto body = [&]() -> weft::task<> { co_await weft::to_thread([&] { ++calls; }); };
  weft::run(body());
  CHECK(calls.load() == 1);
}

// CPython: threads ToThreadTests.test_to_thread_concurrent
TEST_CASE("many calls of to_thread at once all happen", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  std::atomic<int> calls{0};
  const auto body = [&]() -> weft::task<> {
    const auto call = [&]() -> weft::task<> { co_await weft::to_thread([&] { ++calls; }); };
    std::vector<weft::task<>> all;
    for (int i = 0; i < 10; ++i) all.push_back(call());
    co_await weft::gather(std::move(all));
  };
  weft::run(body());
  CHECK(calls.load() == 10);
}

// CPython: threads ToThreadTests.test_to_thread_args_kwargs
TEST_CASE("to_thread hands arguments over, also those that only move", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  const auto body = []() -> weft::task<std::string> {
    auto join = [](std::string_view a, std::unique_ptr<std::string> b) { return std::string(a) + *b; };
    auto owned = std::make_unique<std::string>("something");
    co_return co_await weft::to_thread(join, "test ", std::move(owned));
  };
  CHECK(weft::run(body()) == "test something");
}

// CPython: events EventLoopTestsMixin.test_run_in_executor
TEST_CASE("a function runs in another thread than the loop", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  weft::event_loop loop;
  const auto body = [](weft::event_loop& l) -> weft::task<std::pair<std::string, std::thread::id>> {
    co_return co_await weft::run_in_executor(
        weft::default_thread_pool(l),
        [](const char* given) { return std::pair(std::string(given), std::this_thread::get_id()); }, "yo");
  };
  const auto [text, thread] = loop.run_until_complete(body(loop));
  CHECK(text == "yo");
  CHECK(thread != std::this_thread::get_id());
}

// CPython: events EventLoopTestsMixin.test_run_in_executor_cancel
TEST_CASE("a call that was cancelled does not touch the loop after that has closed", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  std::atomic<bool> ended{false};
  std::latch works(1);
  weft::thread_pool pool(1);
  {
    weft::event_loop loop;
    const auto body = [&]() -> weft::task<> {
      auto call = weft::create_task([&]() -> weft::task<> {
        co_await weft::run_in_executor(pool, [&] {
          works.count_down();
          std::this_thread::sleep_for(20ms);
          ended = true;
        });
      });
      co_await weft::yield();
      works.wait();
      call.cancel();
    };
    loop.run_until_complete(body());
    loop.stop();
    loop.run_forever();
  }
  CHECK_FALSE(ended.load());
  while (!ended.load()) std::this_thread::sleep_for(1ms);  // now the thread comes back, to a loop that has gone
}

TEST_CASE("the loop's end waits for what its threads still do", "[asyncio][threads]") {
  const weft_test::time_limit limit;
  std::atomic<bool> ended{false};
  std::latch works(1);
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    const auto body = [&]() -> weft::task<> {
      co_await weft::to_thread([&] {
        works.count_down();
        std::this_thread::sleep_for(20ms);
        ended = true;
      });
    };
    loop.create_task(body());
    loop.stop();
    loop.run_forever();
    works.wait();
  }
  CHECK(ended.load());
}

}  // namespace asyncio_threads_test
