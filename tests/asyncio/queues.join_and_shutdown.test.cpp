// CPython's tests of asyncio's queues, for weft/sync/queue.hpp: join() and shutdown(), with each kind of queue.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/task_group.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>

#include <cstddef>
#include <stdexcept>

namespace asyncio_queues_join_and_shutdown_test {

using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

// The coroutine test(q) is run with a queue of each kind.
template <class Queue, class Test>
void with_queue(Test& test, std::ptrdiff_t capacity) {
  run_on_virtual_time([&]() -> weft::task<> {
    Queue q(capacity);
    co_await test(q);
  });
}
template <class Test>
void with_each_kind_of_queue(Test test, std::ptrdiff_t capacity = 0) {
  with_queue<weft::queue<int>>(test, capacity);
  with_queue<weft::lifo_queue<int>>(test, capacity);
  with_queue<weft::priority_queue<int>>(test, capacity);
}

template <class Queue>
weft::task<int> get_one(Queue& q) {
  co_return co_await q.get();
}
template <class Queue>
weft::task<> put_one(Queue& q, int item) {
  co_await q.put(item);
}
template <class Queue>
weft::task<> wait_for_the_end(Queue& q) {
  co_await q.join();
}

// An empty queue that was shut down.
template <class Queue>
weft::task<> refuses_everything(Queue& q) {
  CHECK(q.is_shut_down());
  CHECK_THROWS_AS(q.put_nowait(1), weft::queue_shut_down_error);
  CHECK_THROWS_AS(q.get_nowait(), weft::queue_shut_down_error);
  const auto put = co_await weft::outcome_of(q.put(1));
  CHECK_THROWS_AS(put.value(), weft::queue_shut_down_error);
  const auto get = co_await weft::outcome_of(q.get());
  CHECK_THROWS_AS(get.value(), weft::queue_shut_down_error);
}

// ---- join ----

// CPython: queues _QueueJoinTestMixin.test_task_done_underflow
TEST_CASE("task_done more often than items were put is refused", "[asyncio][queues]") {
  with_each_kind_of_queue([](auto& q) -> weft::task<> {
    CHECK_THROWS_AS(q.task_done(), std::invalid_argument);
    co_await q.put(1);
    q.task_done();
    CHECK_THROWS_AS(q.task_done(), std::invalid_argument);
  });
}

// CPython: queues _QueueJoinTestMixin.test_task_done
TEST_CASE("join waits until the work on every item is done", "[asyncio][queues]") {
  with_each_kind_of_queue([](auto& q) -> weft::task<> {
    for (int i = 0; i < 100; ++i) q.put_nowait(i);
    int sum = 0;
    bool running = true;
    auto work = [&]() -> weft::task<> {
      while (running) {
        const int item = co_await q.get();
        co_await weft::yield();
        sum += item;
        q.task_done();
      }
    };
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      for (int i = 0; i < 2; ++i) group.create_task(work);
      co_await q.join();
      CHECK(sum == 4950);
      CHECK(q.unfinished() == 0);
      running = false;
      for (int i = 0; i < 2; ++i) q.put_nowait(0);
    });
  });
}

// CPython: queues _QueueJoinTestMixin.test_join_empty_queue
TEST_CASE("joining a queue into which nothing was put takes no pass, however often", "[asyncio][queues]") {
  with_each_kind_of_queue([](auto& q) -> weft::task<> {
    pass_counter counter;
    co_await q.join();
    co_await q.join();
    CHECK(counter.passes() == 0);
  });
}

// ---- shutdown ----

// CPython: queues _QueueShutdownTestMixin.test_shutdown_empty
TEST_CASE("shutting an empty queue down sends away those who wait to get, and all who come", "[asyncio][queues]") {
  with_each_kind_of_queue([](auto& q) -> weft::task<> {
    const auto getter = weft::create_task(get_one(q));
    co_await weft::yield();
    q.shutdown();
    CHECK(q.empty());
    pass_counter counter;
    co_await q.join();
    CHECK(counter.passes() == 0);
    co_await weft::yield();
    REQUIRE(getter.done());
    CHECK_THROWS_AS(getter.result(), weft::queue_shut_down_error);
    co_await refuses_everything(q);
  });
}

// CPython: queues _QueueShutdownTestMixin.test_shutdown_nonempty
TEST_CASE("a queue that is shut down still gives out what it holds, and join waits for that", "[asyncio][queues]") {
  with_each_kind_of_queue(
      [](auto& q) -> weft::task<> {
        q.put_nowait(1);
        const auto joiner = weft::create_task(wait_for_the_end(q));
        const auto putter = weft::create_task(put_one(q, 2));
        co_await weft::yield();
        CHECK_FALSE(putter.done());
        q.shutdown();
        CHECK(q.size() == 1);
        co_await weft::yield();
        REQUIRE(putter.done());
        CHECK_THROWS_AS(putter.result(), weft::queue_shut_down_error);
        const int item = co_await q.get();
        CHECK(item == 1);
        co_await weft::yield();
        CHECK_FALSE(joiner.done());
        co_await refuses_everything(q);
        q.task_done();
        co_await weft::yield();
        CHECK(joiner.done());
        CHECK_THROWS_AS(q.task_done(), std::invalid_argument);
      },
      1);
}

// CPython: queues _QueueShutdownTestMixin.test_shutdown_immediate
TEST_CASE("shutting a queue down immediately drops its items, which then count as done", "[asyncio][queues]") {
  with_each_kind_of_queue([](auto& q) -> weft::task<> {
    q.put_nowait(1);
    const auto waits_already = weft::create_task(wait_for_the_end(q));
    co_await weft::yield();
    const auto comes_later = weft::create_task(wait_for_the_end(q));
    q.shutdown(/*immediate=*/true);
    CHECK(q.empty());
    co_await weft::yield();
    CHECK(waits_already.done());
    CHECK(comes_later.done());
    co_await refuses_everything(q);
    CHECK_THROWS_AS(q.task_done(), std::invalid_argument);
  });
}

// CPython: queues _QueueShutdownTestMixin.test_shutdown_immediate_with_unfinished
TEST_CASE("after an immediate shutdown join still waits for the items that were gotten", "[asyncio][queues]") {
  with_each_kind_of_queue([](auto& q) -> weft::task<> {
    q.put_nowait(1);
    q.put_nowait(2);
    const auto joiner = weft::create_task(wait_for_the_end(q));
    co_await q.get();
    q.shutdown(/*immediate=*/true);
    CHECK(q.empty());
    CHECK(q.unfinished() == 1);
    co_await weft::yield();
    CHECK_FALSE(joiner.done());
    co_await refuses_everything(q);
    q.task_done();
    CHECK_THROWS_AS(q.task_done(), std::invalid_argument);
    co_await weft::yield();
    CHECK(joiner.done());
  });
}

}  // namespace asyncio_queues_join_and_shutdown_test
