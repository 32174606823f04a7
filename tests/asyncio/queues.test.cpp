// CPython's tests of asyncio.Queue, LifoQueue and PriorityQueue, for weft/sync/queue.hpp: putting and getting.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/task_group.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/wait_for.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace asyncio_queues_test {

using namespace std::chrono_literals;
using weft_test::now_ms;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

using numbers = std::vector<int>;

weft::task<int> get_from(weft::queue<int>& q) { co_return co_await q.get(); }
weft::task<> put_into(weft::queue<int>& q, int item) { co_await q.put(item); }

template <class Queue>
weft::task<numbers> put_1_3_2_and_get_all() {
  Queue q;
  numbers got;
  for (int item : {1, 3, 2}) co_await q.put(item);
  while (!q.empty()) {
    const int item = co_await q.get();
    got.push_back(item);
  }
  co_return got;
}

// ---- the queue itself ----

// CPython: queues QueueBasicTests.test_empty
TEST_CASE("a queue is empty until something is put in, and again when that is gotten", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    CHECK(q.empty());
    co_await q.put(1);
    CHECK_FALSE(q.empty());
    const int item = co_await q.get();
    CHECK(item == 1);
    CHECK(q.empty());
  });
}

// CPython: queues QueueBasicTests.test_full
TEST_CASE("a queue is full when it holds its capacity, one without a limit never", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::queue<int> unlimited;
    CHECK_FALSE(unlimited.full());
    weft::queue<int> q(1);
    CHECK_FALSE(q.full());
    co_await q.put(1);
    CHECK(q.full());
  });
}

// CPython: queues QueueBasicTests.test_order
TEST_CASE("a queue gives its items in the order in which they came", "[asyncio][queues]") {
  CHECK(run_on_virtual_time(put_1_3_2_and_get_all<weft::queue<int>>) == numbers{1, 3, 2});
}

// CPython: queues LifoQueueTests.test_order
TEST_CASE("a lifo queue gives the item that came last", "[asyncio][queues]") {
  CHECK(run_on_virtual_time(put_1_3_2_and_get_all<weft::lifo_queue<int>>) == numbers{2, 3, 1});
}

// CPython: queues PriorityQueueTests.test_order
TEST_CASE("a priority queue gives the smallest item", "[asyncio][queues]") {
  CHECK(run_on_virtual_time(put_1_3_2_and_get_all<weft::priority_queue<int>>) == numbers{1, 2, 3});
}

// CPython: queues QueueBasicTests.test_maxsize
TEST_CASE("a task that puts more than a queue holds waits until something is gotten", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(2);
    CHECK(q.capacity() == 2);
    numbers put;
    auto put_three = [&]() -> weft::task<> {
      for (int i = 0; i < 3; ++i) {
        co_await q.put(i);
        put.push_back(i);
      }
    };
    const auto putter = weft::create_task(put_three);
    for (int i = 0; i < 2; ++i) co_await weft::yield();
    CHECK(put == numbers{0, 1});
    CHECK(q.putters() == 1);
    const int first = co_await q.get();
    co_await weft::yield();
    CHECK(put == numbers{0, 1, 2});
    const int second = co_await q.get();
    const int third = co_await q.get();
    CHECK(numbers{first, second, third} == numbers{0, 1, 2});
    CHECK(putter.done());
  });
}

// ---- getting ----

// CPython: queues QueueGetTests.test_blocking_get
TEST_CASE("getting what is there takes no pass", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    pass_counter counter;
    q.put_nowait(1);
    const int item = co_await q.get();
    CHECK(item == 1);
    CHECK(counter.passes() == 0);
  });
}

// CPython: queues QueueGetTests.test_get_with_putters
TEST_CASE("getting an item wakes a task that waits to put one", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    co_await q.put(1);
    const auto putter = weft::create_task(put_into(q, 2));
    co_await weft::yield();
    CHECK(q.putters() == 1);
    const int item = co_await q.get();
    CHECK(item == 1);
    CHECK(q.putters() == 0);
    CHECK_FALSE(putter.done());
    co_await weft::yield();
    CHECK(putter.done());
    CHECK(q.full());
  });
}

// CPython: queues QueueGetTests.test_blocking_get_wait
TEST_CASE("getting from an empty queue waits until something is put in", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    const auto getter = weft::create_task(get_from(q));
    co_await weft::yield();
    CHECK_FALSE(getter.done());
    CHECK(q.getters() == 1);
    weft::event_loop::current().call_later(10ms, [&] { q.put_nowait(1); });
    const int item = co_await getter;
    CHECK(item == 1);
    CHECK(now_ms() == 10);
  });
}

// CPython: queues QueueGetTests.test_nonblocking_get
// CPython: queues QueuePutTests.test_nonblocking_put
TEST_CASE("putting and getting at once needs no loop", "[asyncio][queues]") {
  weft::queue<int> q;
  q.put_nowait(1);
  CHECK(q.get_nowait() == 1);
}

// CPython: queues QueueGetTests.test_nonblocking_get_exception
TEST_CASE("getting at once from an empty queue is a queue_empty_error", "[asyncio][queues]") {
  weft::queue<int> q;
  CHECK_THROWS_AS(q.get_nowait(), weft::queue_empty_error);
}

// CPython: queues QueueGetTests.test_get_cancelled_race
TEST_CASE("an item goes past a getter that was cancelled", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    const auto first = weft::create_task(get_from(q));
    const auto second = weft::create_task(get_from(q));
    co_await weft::yield();
    first.cancel();
    co_await weft::yield();
    CHECK(first.cancelled());
    co_await q.put(1);
    co_await weft::yield();
    REQUIRE(second.done());
    CHECK(second.result() == 1);
  });
}

// CPython: queues QueueGetTests.test_get_with_waiting_putters
TEST_CASE("the items of tasks that wait to put come in the order of the tasks", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    const auto first = weft::create_task(put_into(q, 1));
    const auto second = weft::create_task(put_into(q, 2));
    const int one = co_await q.get();
    CHECK(one == 1);
    const int two = co_await q.get();
    CHECK(two == 2);
    CHECK(first.done());
    CHECK(second.done());
  });
}

// CPython: queues QueueGetTests.test_why_are_getters_waiting
TEST_CASE("a producer and a consumer of more items than the queue holds both get to their end", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    numbers got;
    auto produce = [&]() -> weft::task<> {
      for (int i = 0; i < 5; ++i) co_await q.put(i);
    };
    auto consume = [&]() -> weft::task<> {
      for (int i = 0; i < 5; ++i) {
        const int item = co_await q.get();
        got.push_back(item);
      }
    };
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      group.create_task(produce);
      group.create_task(consume);
      co_return;
    });
    CHECK(got == numbers{0, 1, 2, 3, 4});
  });
}

// CPython: queues QueueGetTests.test_cancelled_getters_not_being_held_in_self_getters
TEST_CASE("a getter that timed out does not stay in the queue", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(5);
    const auto end = co_await weft::outcome_of(weft::wait_for(q.get(), 100ms));
    CHECK_THROWS_AS(end.value(), weft::timeout_error);
    CHECK(now_ms() == 100);
    CHECK(q.getters() == 0);
  });
}

// CPython: queues QueuePutTests.test_get_cancel_drop_one_pending_reader
TEST_CASE("a getter that is cancelled when an item is there for it loses no item", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    const auto getter = weft::create_task(get_from(q));
    co_await weft::yield();
    q.put_nowait(1);
    q.put_nowait(2);
    getter.cancel();
    const auto end = co_await weft::outcome_of(getter);
    CHECK(end.cancelled());
    CHECK(q.size() == 2);
    const int item = co_await q.get();
    CHECK(item == 1);
  });
}

// CPython: queues QueuePutTests.test_get_cancel_drop_many_pending_readers
TEST_CASE("the item of a getter that is cancelled on its way goes to the next getter", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    const auto first = weft::create_task(get_from(q));
    const auto second = weft::create_task(get_from(q));
    const auto third = weft::create_task(get_from(q));
    co_await weft::yield();
    q.put_nowait(1);
    q.put_nowait(2);
    first.cancel();
    const auto end = co_await weft::outcome_of(first);
    CHECK(end.cancelled());
    const int of_third = co_await third;
    REQUIRE(second.done());
    CHECK(second.result() == 1);
    CHECK(of_third == 2);
    CHECK(q.empty());
  });
}

// The loop in Queue.get(), which CPython's tests do not reach.
TEST_CASE("a getter whose item was taken before it could go on waits again", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    const auto getter = weft::create_task(get_from(q));
    co_await weft::yield();
    q.put_nowait(1);
    CHECK(q.get_nowait() == 1);
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    CHECK_FALSE(getter.done());
    CHECK(q.getters() == 1);
    q.put_nowait(2);
    const int item = co_await getter;
    CHECK(item == 2);
  });
}

// ---- putting ----

// CPython: queues QueuePutTests.test_blocking_put
TEST_CASE("putting where there is room takes no pass", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    pass_counter counter;
    co_await q.put(1);
    CHECK(counter.passes() == 0);
    const int item = co_await q.get();
    CHECK(item == 1);
  });
}

// CPython: queues QueuePutTests.test_blocking_put_wait
TEST_CASE("putting into a full queue waits until something is gotten", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    bool finished = false;
    auto put_two = [&]() -> weft::task<> {
      co_await q.put(1);
      co_await q.put(2);
      finished = true;
    };
    weft::event_loop::current().call_later(10ms, [&] { CHECK(q.get_nowait() == 1); });
    const auto putter = weft::create_task(put_two);
    co_await weft::yield();
    CHECK(q.putters() == 1);
    CHECK_FALSE(finished);
    co_await putter;
    CHECK(finished);
    CHECK(now_ms() == 10);
  });
}

// CPython: queues QueuePutTests.test_put_cancel_drop
TEST_CASE("a putter that is cancelled when room was made for it puts nothing in", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    q.put_nowait(1);
    const auto putter = weft::create_task(put_into(q, 2));
    co_await weft::yield();
    CHECK(q.get_nowait() == 1);
    putter.cancel();
    const auto end = co_await weft::outcome_of(putter);
    CHECK(end.cancelled());
    CHECK(q.empty());
    co_await q.put(2);  // the room is not lost
    CHECK(q.get_nowait() == 2);
    CHECK(q.empty());
  });
}

// CPython: queues QueuePutTests.test_nonblocking_put_exception
TEST_CASE("putting at once into a full queue is a queue_full_error", "[asyncio][queues]") {
  weft::queue<int> q(1);
  q.put_nowait(1);
  CHECK_THROWS_AS(q.put_nowait(2), weft::queue_full_error);
  CHECK(q.size() == 1);
}

// CPython: queues QueuePutTests.test_put_cancelled
TEST_CASE("a task that puts an item into an empty queue has ended when the getter goes on", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    const auto putter = weft::create_task(put_into(q, 1));
    const int item = co_await q.get();
    CHECK(item == 1);
    CHECK(putter.done());
  });
}

// CPython: queues QueuePutTests.test_put_cancelled_race
TEST_CASE("the item of a cancelled putter never gets in, those of the others do", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    const auto first = weft::create_task(put_into(q, 1));
    const auto second = weft::create_task(put_into(q, 2));
    const auto third = weft::create_task(put_into(q, 99));
    co_await weft::yield();
    CHECK(first.done());
    CHECK_FALSE(second.done());
    third.cancel();
    co_await weft::yield();
    CHECK(third.cancelled());
    CHECK(q.get_nowait() == 1);
    co_await weft::yield();
    CHECK(q.get_nowait() == 2);
    CHECK(second.done());
    CHECK(q.empty());
  });
}

// CPython: queues QueuePutTests.test_put_with_waiting_getters
TEST_CASE("an item that is put in wakes the task that waits for one", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q;
    const auto getter = weft::create_task(get_from(q));
    co_await weft::yield();
    co_await q.put(1);
    CHECK_FALSE(getter.done());
    co_await weft::yield();
    REQUIRE(getter.done());
    CHECK(getter.result() == 1);
  });
}

// CPython: queues QueuePutTests.test_why_are_putters_waiting
TEST_CASE("all putters get in when a full queue is emptied at once", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(2);
    numbers got;
    auto get_all_at_once = [&]() -> weft::task<> {
      co_await weft::yield();
      for (std::size_t left = q.size(); left > 0; --left) got.push_back(q.get_nowait());
    };
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      group.create_task(get_all_at_once);
      for (int item = 0; item < 4; ++item) group.create_task(put_into(q, item));
      co_return;
    });
    CHECK(got == numbers{0, 1});
    CHECK(q.full());
    CHECK(q.putters() == 0);
  });
}

// CPython: queues QueuePutTests.test_cancelled_puts_not_being_held_in_self_putters
TEST_CASE("a cancelled putter does not stay in the queue", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    q.put_nowait(1);
    const auto putter = weft::create_task(put_into(q, 2));
    co_await weft::yield();
    CHECK(q.putters() == 1);
    putter.cancel();
    const auto end = co_await weft::outcome_of(putter);
    CHECK(end.cancelled());
    CHECK(q.putters() == 0);
  });
}

// CPython: queues QueuePutTests.test_cancelled_put_silence_value_error_exception
TEST_CASE("a putter that is no longer in the line when it is cancelled ends cancelled, and the next one is woken",
          "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    q.put_nowait(1);
    const auto putter = weft::create_task(put_into(q, 2));
    const auto next = weft::create_task(put_into(q, 3));
    co_await weft::yield();
    CHECK(q.get_nowait() == 1);
    putter.cancel();
    const auto end = co_await weft::outcome_of(putter);
    CHECK(end.cancelled());
    co_await next;
    CHECK(q.get_nowait() == 3);
  });
}

// The loop in Queue.put(), which CPython's tests do not reach.
TEST_CASE("a putter whose room was filled before it could go on waits again", "[asyncio][queues]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(1);
    q.put_nowait(1);
    const auto putter = weft::create_task(put_into(q, 3));
    co_await weft::yield();
    CHECK(q.get_nowait() == 1);
    q.put_nowait(2);
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    CHECK_FALSE(putter.done());
    CHECK(q.putters() == 1);
    CHECK(q.get_nowait() == 2);
    co_await putter;
    CHECK(q.get_nowait() == 3);
  });
}

}  // namespace asyncio_queues_test
