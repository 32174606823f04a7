// Tests of weft/threads/run_coroutine_threadsafe.hpp: a coroutine on a loop, asked for by another thread.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/event.hpp>
#include <weft/threads/run_coroutine_threadsafe.hpp>
#include <weft/threads/to_thread.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace threads_run_coroutine_threadsafe_test {

using namespace std::chrono_literals;
using weft::run_coroutine_threadsafe;

weft::task<int> adds(int a, int b) {
  co_await weft::sleep_for(1ms);
  co_return a + b;
}
weft::task<> fails() {
  co_await weft::sleep_for(1ms);
  throw std::runtime_error("from the loop");
}
weft::task<> waits_for_ever() {
  weft::event never;
  co_await never.wait();
}

// Runs fn(remote) in another thread, beside a loop that serves it.
template <class F>
auto beside_a_loop(F fn) {
  const weft_test::time_limit limit;
  return weft::run([&]() -> weft::task<decltype(fn(std::declval<weft::remote_loop>()))> {
    co_return co_await weft::to_thread(fn, weft::event_loop::current().remote());
  });
}

TEST_CASE("another thread gets the result of a coroutine", "[threads][run_coroutine_threadsafe]") {
  CHECK(beside_a_loop([](const weft::remote_loop& loop) { return run_coroutine_threadsafe(loop, adds, 1, 2).get(); }) ==
        3);
  CHECK(beside_a_loop([](const weft::remote_loop& loop) {
          std::future<int> plain =
              run_coroutine_threadsafe(loop, adds, 3, 4);  // no more than a future, if that is enough
          return plain.get();
        }) == 7);
}

TEST_CASE("what the coroutine throws is thrown in the other thread", "[threads][run_coroutine_threadsafe]") {
  CHECK(beside_a_loop([](const weft::remote_loop& loop) {
          try {
            run_coroutine_threadsafe(loop, fails).get();
          } catch (const std::runtime_error& e) {
            // Once the loop has done something else, it has let go of the exception, and this thread frees it. Else the
            // loop's thread may. Who is last is counted inside of libstdc++, where ThreadSanitizer does not see it.
            run_coroutine_threadsafe(loop, adds, 1, 2).get();
            return std::string(e.what());
          }
          return std::string();
        }) == "from the loop");
}

TEST_CASE("function and arguments are kept until the coroutine has ended", "[threads][run_coroutine_threadsafe]") {
  CHECK(beside_a_loop([](const weft::remote_loop& loop) {
          auto given = std::make_unique<int>(5);
          auto fn = [bonus = std::make_shared<int>(2)](const std::unique_ptr<int>& n) -> weft::task<int> {
            co_await weft::sleep_for(1ms);
            co_return *n + *bonus;
          };
          return run_coroutine_threadsafe(loop, std::move(fn), std::move(given)).get();
        }) == 7);
}

TEST_CASE("the other thread can cancel the task, before it runs and while it runs",
          "[threads][run_coroutine_threadsafe]") {
  for (const auto delay : {0ms, 5ms}) {
    CHECK(beside_a_loop([delay](const weft::remote_loop& loop) {
      auto future = run_coroutine_threadsafe(loop, waits_for_ever);
      if (delay > 0ms) CHECK(future.wait_for(delay) == std::future_status::timeout);
      future.cancel();
      try {
        future.get();
      } catch (const weft::cancelled_error&) {
        future.cancel();  // it has ended
        return true;
      }
      return false;
    }));
  }
}

TEST_CASE("a task that is cancelled on the loop is cancelled for the other thread",
          "[threads][run_coroutine_threadsafe]") {
  const auto cancels_itself = []() -> weft::task<> {
    weft::current_task().cancel();
    co_await weft::sleep_for(1h);
  };
  CHECK(beside_a_loop([&](const weft::remote_loop& loop) {
    try {
      run_coroutine_threadsafe(loop, cancels_itself).get();
    } catch (const weft::cancelled_error&) {
      return true;
    }
    return false;
  }));
}

TEST_CASE("a loop that goes first breaks the promise with loop_closed_error", "[threads][run_coroutine_threadsafe]") {
  std::optional<weft::threadsafe_future<int>> future;
  std::optional<weft::remote_loop> remote;
  {
    weft::event_loop loop;
    remote.emplace(loop.remote());
    future.emplace(run_coroutine_threadsafe(*remote, adds, 1, 2));
  }
  CHECK_THROWS_AS(future->get(), weft::loop_closed_error);
  CHECK_THROWS_AS(run_coroutine_threadsafe(*remote, adds, 1, 2), weft::loop_closed_error);
  future->cancel();  // nobody is there any more
}

TEST_CASE("a promise that is broken without memory is broken all the same", "[threads][run_coroutine_threadsafe]") {
  if (!weft_test::counts_allocations) return;
  std::optional<weft::threadsafe_future<int>> future;
  {
    auto loop = std::make_unique<weft::event_loop>();
    future.emplace(run_coroutine_threadsafe(loop->remote(), adds, 1, 2));
    const weft_test::out_of_memory limit(0);
    loop.reset();
  }
  bool thrown = false;
  try {
    future->get();
  } catch (const weft::loop_closed_error&) {
    thrown = true;
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  CHECK(thrown);
}

TEST_CASE("the loop's own thread is told that it would wait for itself", "[threads][run_coroutine_threadsafe]") {
  weft::run([]() -> weft::task<> {
    auto future = run_coroutine_threadsafe(weft::event_loop::current().remote(), adds, 1, 2);
    CHECK_THROWS_AS(future.get(), weft::usage_error);
    CHECK_THROWS_AS(future.wait(), weft::usage_error);
    while (future.wait_for(0s) != std::future_status::ready) co_await weft::sleep_for(1ms);
    CHECK(future.get() == 3);
  });
}

TEST_CASE("a task that run() cancels at its end is cancelled for the other thread",
          "[threads][run_coroutine_threadsafe]") {
  std::optional<weft::threadsafe_future<void>> future;
  weft::run([&]() -> weft::task<> {
    future.emplace(run_coroutine_threadsafe(weft::event_loop::current().remote(), waits_for_ever));
    co_await weft::sleep_for(1ms);
  });
  CHECK_THROWS_AS(future->get(), weft::cancelled_error);
}

}  // namespace threads_run_coroutine_threadsafe_test
