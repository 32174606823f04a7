// Tests of weft/threads/run_in_executor.hpp: results, failures and cancellation across threads.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"

#include <weft/core/error.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/race.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/threads/run_in_executor.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace threads_run_in_executor_test {

using namespace std::chrono_literals;
using weft::run_in_executor;
using weft_test::contains;
using weft_test::event_log;

// Runs the body on real time, and ends the program if that takes too long.
template <class Body>
void run_with_pool(std::size_t threads, Body body) {
  const weft_test::time_limit limit;
  weft::thread_pool pool(threads);
  weft::run(body(pool));
}

TEST_CASE("a function runs in another thread and its result comes back", "[threads][run_in_executor]") {
  run_with_pool(2, [](weft::thread_pool& pool) -> weft::task<> {
    const auto here = std::this_thread::get_id();
    const auto there = co_await run_in_executor(pool, [] { return std::this_thread::get_id(); });
    CHECK(there != here);
    CHECK(std::this_thread::get_id() == here);
    const int sum = co_await run_in_executor(
        pool, [](int a, int b) { return a + b; }, 2, 3);
    CHECK(sum == 5);
  });
}

TEST_CASE("a function may return nothing, a reference, or what only moves", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    int number = 1;
    co_await run_in_executor(pool, [&] { number = 2; });
    CHECK(number == 2);
    int& same = co_await run_in_executor(pool, [&]() -> int& { return number; });
    CHECK(&same == &number);
    auto make = [](int n) { return std::make_unique<int>(n); };
    const std::unique_ptr<int> owned = co_await run_in_executor(pool, make, 7);
    CHECK(*owned == 7);
    auto take = [](std::unique_ptr<int> p) { return *p + 1; };
    auto given = std::make_unique<int>(8);
    const int taken = co_await run_in_executor(pool, take, std::move(given));
    CHECK(taken == 9);
  });
}

TEST_CASE("an exception in the thread arrives at the co_await", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    std::string what;
    try {
      co_await run_in_executor(pool, [] { throw std::runtime_error("from the thread"); });
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    CHECK(what == "from the thread");
    bool cancelled = false;
    try {
      co_await run_in_executor(pool, [] { throw weft::cancelled_error(); });
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
    CHECK(cancelled);
  });
}

TEST_CASE("other tasks run while a thread works, and the loop waits for it", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    std::latch go(1);
    auto blocks = weft::create_task(
        [](weft::thread_pool& p, std::latch& l) -> weft::task<int> {
          co_return co_await run_in_executor(p, [&l] {
            l.wait();
            return 1;
          });
        },
        std::ref(pool), std::ref(go));
    for (int i = 0; i < 10; ++i) co_await weft::yield();
    CHECK_FALSE(blocks.done());
    go.count_down();
    const int result = co_await blocks;
    CHECK(result == 1);
    // Nothing else is there to do: no deadlock.
    co_await run_in_executor(pool, [] { std::this_thread::sleep_for(5ms); });
  });
}

TEST_CASE("a call that no thread has taken yet is never made if it is cancelled", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    std::latch go(1);
    std::atomic<int> calls{0};
    const auto call = [](weft::thread_pool& p, std::atomic<int>& n, std::latch* l) -> weft::task<> {
      const auto counts = [&n, l] {
        if (l != nullptr) l->wait();
        ++n;
      };
      co_await run_in_executor(p, counts);
    };
    auto works = weft::create_task(call(pool, calls, &go));
    auto waits = weft::create_task(call(pool, calls, nullptr));
    co_await weft::yield();
    waits.cancel();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(waits.cancelled());
    go.count_down();
    co_await works;
    CHECK(calls.load() == 1);
  });
}

TEST_CASE("a call that runs is abandoned when it is cancelled: it runs on, and its result is dropped",
          "[threads][run_in_executor]") {
  std::atomic<bool> ended{false};
  weft_test::census counts;
  run_with_pool(1, [&](weft::thread_pool& pool) -> weft::task<> {
    std::latch go(1);
    std::latch works(1);
    auto call = weft::create_task([&]() -> weft::task<> {
      co_await run_in_executor(pool, [&] {
        works.count_down();
        go.wait();
        ended = true;
        return weft_test::tracked(counts);
      });
    });
    co_await weft::yield();
    works.wait();
    call.cancel();
    bool cancelled = false;
    try {
      co_await call;
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
    CHECK(cancelled);
    CHECK_FALSE(ended.load());
    go.count_down();
    const int after = co_await run_in_executor(pool, [] { return 3; });
    CHECK(after == 3);
  });
  CHECK(ended.load());
  CHECK(counts.alive == 0);
}

TEST_CASE("an exception of a call that was abandoned is dropped", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    bool timed_out = false;
    std::latch go(1);
    try {
      co_await weft::with_timeout(1ms, run_in_executor(pool, [&] {
                                    go.wait();
                                    throw std::runtime_error("nobody hears this");
                                  }));
    } catch (const weft::timeout_error&) {
      timed_out = true;
    }
    CHECK(timed_out);
    go.count_down();
    co_await run_in_executor(pool, [] {});
  });
}

TEST_CASE("a call that loses a race is abandoned without an exception", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    std::latch go(1);
    const auto first = co_await weft::race(run_in_executor(pool, [&] { go.wait(); }), weft::sleep_for(1ms));
    CHECK(first.index() == 1);
    go.count_down();
    co_await run_in_executor(pool, [] {});
  });
}

TEST_CASE("a loop may go while a thread works for one of its tasks", "[threads][run_in_executor]") {
  const weft_test::time_limit limit;
  weft_test::census counts;
  std::latch go(1);
  std::latch works(1);
  {
    weft::thread_pool pool(1);
    {
      weft::event_loop loop;
      loop.set_exception_handler([](const weft::exception_context&) {});
      const auto body = [&]() -> weft::task<> {
        const weft_test::tracked local(counts);
        auto fn = [&](const weft_test::tracked& t) {
          works.count_down();
          go.wait();
          return weft_test::tracked(t);
        };
        weft_test::tracked argument(counts);
        co_await run_in_executor(pool, fn, std::move(argument));
      };
      loop.create_task(body());
      loop.stop();
      loop.run_forever();
      works.wait();
    }
    go.count_down();
  }
  CHECK(counts.alive == 0);
}

TEST_CASE("a call that finds the pool's queue full throws, and has not happened", "[threads][run_in_executor]") {
  const weft_test::time_limit limit;
  std::atomic<int> calls{0};
  weft::thread_pool pool(1, "small", 1);
  weft::run([&]() -> weft::task<> {
    std::latch go(1);
    std::latch works(1);
    auto first = weft::create_task([&]() -> weft::task<> {
      co_await run_in_executor(pool, [&] {
        works.count_down();
        go.wait();
      });
    });
    co_await weft::yield();
    works.wait();
    auto second = weft::create_task([&]() -> weft::task<> { co_await run_in_executor(pool, [&] { ++calls; }); });
    co_await weft::yield();
    bool refused = false;
    try {
      co_await run_in_executor(pool, [&] { calls += 100; });
    } catch (const weft::queue_full_error&) {
      refused = true;
    }
    CHECK(refused);
    go.count_down();
    co_await first;
    co_await second;
  });
  CHECK(calls.load() == 1);
}

TEST_CASE("a call that was awaited before, or moved from, is refused", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    auto call = run_in_executor(pool, [] { return 1; });
    auto moved = std::move(call);
    for (auto* empty : {&call, &moved}) {
      bool refused = false;
      try {
        if (empty == &moved) {
          const int first = co_await std::move(moved);
          CHECK(first == 1);
        }
        const int again = co_await std::move(*empty);
        CHECK(again == 0);  // not reached
      } catch (const weft::invalid_state_error&) {
        refused = true;
      }
      CHECK(refused);
    }
  });
}

TEST_CASE("a call that was cancelled is not made again, whether a thread had it or not", "[threads][run_in_executor]") {
  std::latch go(1);
  run_with_pool(1, [&](weft::thread_pool& pool) -> weft::task<> {
    std::atomic<int> calls{0};
    auto running = run_in_executor(pool, [&] {
      ++calls;
      go.wait();
    });
    auto queued = run_in_executor(pool, [&] { calls += 100; });
    int refusals = 0;
    for (auto* call : {&running, &queued}) {
      auto wait = [&]() -> weft::task<> { co_await std::move(*call); };
      auto waiting = weft::create_task(wait);
      co_await weft::yield();
      while (calls.load() == 0) co_await weft::yield();
      waiting.cancel();
      try {
        co_await waiting;
      } catch (const weft::cancelled_error&) {
      }
      try {
        co_await std::move(*call);
      } catch (const weft::invalid_state_error&) {
        ++refusals;
      }
    }
    CHECK(refusals == 2);
    go.count_down();
    co_await run_in_executor(pool, [] {});
    CHECK(calls.load() == 1);
  });
}

TEST_CASE("two thousand calls in eight threads all come back", "[threads][run_in_executor]") {
  run_with_pool(8, [](weft::thread_pool& pool) -> weft::task<> {
    std::vector<weft::executor_awaiter<int, true>> calls;
    for (int i = 0; i < 2000; ++i)
      calls.push_back(run_in_executor(
          pool, [](int n) { return n * 2; }, i));
    const std::vector<int> results = co_await weft::gather(std::move(calls));
    bool right = results.size() == 2000;
    for (int i = 0; i < 2000; ++i) right = right && results[static_cast<std::size_t>(i)] == 2 * i;
    CHECK(right);
  });
}

TEST_CASE("a call says in a deadlock report that it is one", "[threads][run_in_executor]") {
  run_with_pool(1, [](weft::thread_pool& pool) -> weft::task<> {
    std::latch go(1);
    auto call = weft::create_task([&]() -> weft::task<> { co_await run_in_executor(pool, [&] { go.wait(); }); });
    co_await weft::yield();
    CHECK_THAT(weft::task_ref(call).state().report(), contains("waits for a call in another thread"));
    go.count_down();
    co_await call;
  });
}

}  // namespace threads_run_in_executor_test
