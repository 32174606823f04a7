// Tests of weft/sync/queue.hpp: the three orders, who waits for what, items that only move, and the end of a queue.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/yield.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sync_queue_test {

using weft_test::census;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

template <class Queue>
weft::task<> get_and_say(Queue& q, event_log& log, std::string name) {
  const int item = co_await q.get();
  log(name + std::to_string(item));
}
weft::task<> put_and_say(weft::queue<int>& q, event_log& log, int item) {
  co_await q.put(item);
  log("put" + std::to_string(item));
}

template <class Queue>
std::vector<int> drain(Queue& q) {
  std::vector<int> all;
  while (!q.empty()) all.push_back(q.get_nowait());
  return all;
}

// ---- order ----

TEST_CASE("a queue gives first what came first, a lifo queue what came last, a priority queue the smallest",
          "[sync][queue]") {
  weft::queue<int> fifo;
  weft::lifo_queue<int> lifo;
  weft::priority_queue<int> smallest;
  weft::priority_queue<int, std::greater<>> largest;
  for (int i : {2, 9, 1, 5}) {
    fifo.put_nowait(i);
    lifo.put_nowait(i);
    smallest.put_nowait(i);
    largest.put_nowait(i);
  }
  CHECK(drain(fifo) == std::vector<int>({2, 9, 1, 5}));
  CHECK(drain(lifo) == std::vector<int>({5, 1, 9, 2}));
  CHECK(drain(smallest) == std::vector<int>({1, 2, 5, 9}));
  CHECK(drain(largest) == std::vector<int>({9, 5, 2, 1}));
}

TEST_CASE("those who wait for an item get one in their order", "[sync][queue]") {
  weft::queue<int> q;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(get_and_say(q, log, "a"));
    auto b = weft::create_task(get_and_say(q, log, "b"));
    co_await weft::yield();
    CHECK(q.getters() == 2);
    q.put_nowait(1);
    q.put_nowait(2);
    CHECK(q.getters() == 0);
    co_await weft::gather(a, b);
  });
  CHECK(log.text() == "a1 b2");
}

TEST_CASE("those who wait for room get it in their order", "[sync][queue]") {
  weft::queue<int> q(1);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await q.put(0);
    auto a = weft::create_task(put_and_say(q, log, 1));
    auto b = weft::create_task(put_and_say(q, log, 2));
    co_await weft::yield();
    CHECK(q.putters() == 2);
    CHECK(q.full());
    for (int i = 0; i < 3; ++i) {
      log("got" + std::to_string(q.get_nowait()));
      co_await weft::yield();
    }
    co_await weft::gather(a, b);
  });
  CHECK(log.text() == "got0 put1 got1 put2 got2");
  CHECK(q.putters() == 0);
}

TEST_CASE("a queue that can go on at once takes no pass, one that has to wait takes one", "[sync][queue]") {
  weft::queue<int> q(1);
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    co_await q.put(1);
    const int first = co_await q.get();
    CHECK(first == 1);
    CHECK(counter.passes() == 0);
    weft::event_loop::current().call_soon([&] { q.put_nowait(2); });
    const int second = co_await q.get();
    CHECK(second == 2);
    CHECK(counter.passes() == 2);  // one until the put, one until the wake-up
  });
}

TEST_CASE("a getter that was woken and finds its item gone waits again without having resumed", "[sync][queue]") {
  weft::queue<int> q;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(get_and_say(q, log, "a"));
    co_await weft::yield();
    q.put_nowait(1);
    CHECK(q.get_nowait() == 1);
    co_await weft::yield();
    CHECK(q.getters() == 1);
    q.put_nowait(2);
    co_await a;
  });
  CHECK(log.text() == "a2");
}

// ---- items ----

TEST_CASE("items that only move go through all three queues", "[sync][queue]") {
  const auto pointer_less = [](const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) { return *a < *b; };
  weft::queue<std::unique_ptr<int>> fifo(1);
  weft::lifo_queue<std::unique_ptr<int>> lifo;
  weft::priority_queue<std::unique_ptr<int>, decltype(pointer_less)> smallest;
  run_on_virtual_time([&]() -> weft::task<> {
    auto first = std::make_unique<int>(1);
    co_await fifo.put(std::move(first));
    const auto body = [&]() -> weft::task<> {
      auto second = std::make_unique<int>(2);
      co_await fifo.put(std::move(second));
    };
    auto waiting = weft::create_task(body());
    co_await weft::yield();
    CHECK(*fifo.get_nowait() == 1);
    co_await waiting;
    auto out = co_await fifo.get();
    CHECK(*out == 2);
    lifo.put_nowait(std::move(out));
    smallest.put_nowait(lifo.get_nowait());
    smallest.put_nowait(std::make_unique<int>(1));
    const auto one = co_await smallest.get();
    const auto two = co_await smallest.get();
    CHECK(*one == 1);
    CHECK(*two == 2);
  });
}

TEST_CASE("a queue destroys the items that are left, each once", "[sync][queue]") {
  census counts;
  {
    weft::queue<tracked> q;
    for (int i = 0; i < 3; ++i) q.put_nowait(tracked(counts));
    const tracked out = q.get_nowait();
    CHECK(q.size() == 2);
    q.shutdown(/*immediate=*/true);
    CHECK(counts.alive == 1);
    CHECK(q.empty());
  }
  CHECK(counts.alive == 0);
}

TEST_CASE("an item whose put is cancelled is destroyed with the call, and so is one that is never awaited",
          "[sync][queue]") {
  census counts;
  weft::queue<tracked> q(1);
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(tracked(counts));
    {
      auto never = q.put(tracked(counts));
      CHECK(counts.alive == 2);
    }
    const auto body = [&]() -> weft::task<> { co_await q.put(tracked(counts)); };
    auto waiting = weft::create_task(body());
    co_await weft::yield();
    CHECK(counts.alive > 1);
    waiting.cancel();
    co_await weft::yield();
    CHECK(counts.alive == 1);
    CHECK(q.putters() == 0);
  });
}

TEST_CASE("a put that is refused leaves the item as it was", "[sync][queue]") {
  weft::queue<std::string> q(1);
  std::string item = "a string that is too long for the small buffer";
  q.put_nowait(item);
  CHECK_THROWS_AS(q.put_nowait(std::move(item)), weft::queue_full_error);
  CHECK(item.size() > 20);  // NOLINT: that is the point
  q.shutdown();
  CHECK_THROWS_AS(q.put_nowait(std::move(item)), weft::queue_shut_down_error);
  CHECK(item.size() > 20);  // NOLINT
}

class cannot_be_moved_in {
 public:
  explicit cannot_be_moved_in(bool throws) : throws_(throws) {}
  cannot_be_moved_in(cannot_be_moved_in&& other) : throws_(other.throws_) {
    if (throws_) throw std::runtime_error("cannot be moved");
  }

 private:
  bool throws_;
};

TEST_CASE("an item whose move throws does not get in, and the queue is as before", "[sync][queue]") {
  weft::queue<cannot_be_moved_in> q;
  cannot_be_moved_in broken(true);
  CHECK_THROWS_WITH(q.put_nowait(std::move(broken)), "cannot be moved");
  CHECK(q.empty());
  CHECK(q.unfinished() == 0);
  q.put_nowait(cannot_be_moved_in(false));
  static_cast<void>(q.get_nowait());
  CHECK(q.unfinished() == 1);
}

// ---- wrong uses ----

TEST_CASE("a queue's capacity is 0 for no limit, and cannot be negative", "[sync][queue]") {
  weft::queue<int> q;
  CHECK(q.capacity() == 0);
  for (int i = 0; i < 100; ++i) q.put_nowait(i);
  CHECK_FALSE(q.full());
  CHECK(weft::lifo_queue<int>(3).capacity() == 3);
  CHECK_THROWS_AS(weft::queue<int>(-1), std::invalid_argument);
  CHECK_THROWS_AS(weft::priority_queue<int>(-7), std::invalid_argument);
}

TEST_CASE("get_nowait() of an empty queue and put_nowait() into a full one are refused", "[sync][queue]") {
  weft::queue<int> q(1);
  CHECK_THROWS_AS(q.get_nowait(), weft::queue_empty_error);
  q.put_nowait(1);
  CHECK_THROWS_AS(q.put_nowait(2), weft::queue_full_error);
  CHECK(q.size() == 1);
  CHECK(q.unfinished() == 1);
  CHECK(q.get_nowait() == 1);
}

TEST_CASE("task_done() more often than there were items is refused, and the count is as before", "[sync][queue]") {
  weft::queue<int> q;
  CHECK_THROWS_AS(q.task_done(), std::invalid_argument);
  q.put_nowait(1);
  CHECK(q.unfinished() == 1);
  q.task_done();
  CHECK_THROWS_AS(q.task_done(), std::invalid_argument);
  CHECK(q.unfinished() == 0);
  run_on_virtual_time([&]() -> weft::task<> { co_await q.join(); });
}

// ---- join and shutdown ----

TEST_CASE("join() waits until the work on all items is done", "[sync][queue]") {
  weft::queue<int> q;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await q.join();  // nothing to do
    q.put_nowait(1);
    q.put_nowait(2);
    const auto body = [&]() -> weft::task<> {
      co_await q.join();
      log("joined");
    };
    auto one = weft::create_task(body());
    auto two = weft::create_task(body());
    auto gone = weft::create_task(body());
    co_await weft::yield();
    gone.cancel();
    static_cast<void>(drain(q));
    q.task_done();
    co_await weft::yield();
    CHECK(log.text().empty());
    q.task_done();
    co_await weft::gather(one, two);
    CHECK(gone.cancelled());
  });
  CHECK(log.text() == "joined joined");
}

TEST_CASE("a queue that is shut down gives out what is left and takes nothing more", "[sync][queue]") {
  weft::queue<int> q;
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(1);
    q.shutdown();
    q.shutdown();
    CHECK(q.is_shut_down());
    CHECK_THROWS_AS(q.put_nowait(2), weft::queue_shut_down_error);
    const auto put = co_await weft::outcome_of(q.put(2));
    CHECK_THROWS_AS(put.value(), weft::queue_shut_down_error);
    const int last = co_await q.get();
    CHECK(last == 1);
    CHECK_THROWS_AS(q.get_nowait(), weft::queue_shut_down_error);
    const auto got = co_await weft::outcome_of(q.get());
    CHECK_THROWS_AS(got.value(), weft::queue_shut_down_error);
    q.task_done();
    co_await q.join();
  });
}

TEST_CASE("a shutdown wakes those who wait for an item, for room, or for the end of the work", "[sync][queue]") {
  weft::queue<int> empty;
  weft::queue<int> full(1);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    full.put_nowait(1);
    const auto join = [&]() -> weft::task<> { co_await full.join(); };
    auto getter = weft::create_task(get_and_say(empty, log, "never"));
    auto putter = weft::create_task(put_and_say(full, log, 2));
    auto joiner = weft::create_task(join());
    co_await weft::yield();
    empty.shutdown();
    full.shutdown(/*immediate=*/true);
    const auto got = co_await weft::outcome_of(getter);
    CHECK_THROWS_AS(got.value(), weft::queue_shut_down_error);
    const auto put = co_await weft::outcome_of(putter);
    CHECK_THROWS_AS(put.value(), weft::queue_shut_down_error);
    co_await joiner;
    CHECK(full.unfinished() == 0);
  });
  CHECK(log.text().empty());
}

TEST_CASE("an immediate shutdown after a gentle one drops what is left", "[sync][queue]") {
  weft::priority_queue<int> q;
  q.put_nowait(1);
  q.put_nowait(2);
  static_cast<void>(q.get_nowait());
  q.shutdown();
  CHECK(q.size() == 1);
  q.shutdown(/*immediate=*/true);
  CHECK(q.empty());
  CHECK(q.unfinished() == 1);  // somebody works on it
  q.task_done();
}

// ---- cancelled, destroyed, stuck ----

TEST_CASE("a getter that is cancelled in the pass in which it was woken leaves the item to another one",
          "[sync][queue]") {
  weft::queue<int> q;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(get_and_say(q, log, "a"));
    auto b = weft::create_task(get_and_say(q, log, "b"));
    co_await weft::yield();
    q.put_nowait(1);
    a.cancel();
    co_await b;
    CHECK(a.cancelled());
  });
  CHECK(log.text() == "b1");
}

TEST_CASE("a putter that is cancelled in the pass in which it was woken leaves the room to another one",
          "[sync][queue]") {
  weft::queue<int> q(1);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    q.put_nowait(0);
    auto a = weft::create_task(put_and_say(q, log, 1));
    auto b = weft::create_task(put_and_say(q, log, 2));
    co_await weft::yield();
    CHECK(q.get_nowait() == 0);
    a.cancel();
    co_await b;
    CHECK(a.cancelled());
    CHECK(q.get_nowait() == 2);
  });
  CHECK(log.text() == "put2");
}

TEST_CASE("a loop may go in any pass around those that wait in a queue", "[sync][queue]") {
  for (int passes = 0; passes < 6; ++passes) {
    INFO(passes);
    census counts;  // outlives the items that are left in the queue
    weft::queue<tracked> q(1);
    weft_test::reports told;
    const auto gets = [&](tracked) -> weft::task<> { static_cast<void>(co_await q.get()); };
    const auto puts = [&](tracked item) -> weft::task<> {
      co_await q.put(item);
      co_await q.put(item);
      co_await q.join();
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      for (int i = 0; i < 2; ++i) on.loop.create_task(gets(tracked(counts)));
      for (int i = 0; i < 3; ++i) on.loop.create_task(puts(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == static_cast<int>(q.size()));
    CHECK(q.getters() == 0);
    CHECK(q.putters() == 0);
  }
}

TEST_CASE("a queue may go before those who wait in it: they can be cancelled", "[sync][queue]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto q = std::make_unique<weft::queue<int>>(1);
    auto woken = weft::create_task(get_and_say(*q, log, "woken"));
    auto waits = weft::create_task(get_and_say(*q, log, "waits"));
    co_await weft::yield();
    q->put_nowait(1);
    auto quick = weft::create_task(put_and_say(*q, log, 2));
    auto putter = weft::create_task(put_and_say(*q, log, 3));
    const auto join = [](weft::queue<int>& joined) -> weft::task<> { co_await joined.join(); };
    auto joiner = weft::create_task(join(*q));
    weft::event_loop::current().call_soon([&] { q.reset(); });
    co_await woken;
    co_await weft::yield();
    CHECK(quick.done());
    for (const auto& t : {waits, putter, joiner}) t.cancel();
    co_await weft::yield();
    for (const auto& t : {waits, putter, joiner}) CHECK(t.cancelled());
  });
  CHECK(log.text() == "woken1 put2");
}

TEST_CASE("a deadlock report says who waits for an item, for room and for the end of the work", "[sync][queue]") {
  weft::queue<int> empty;
  weft::queue<int> full(1);
  event_log log;
  const auto body = [&]() -> weft::task<> {
    full.put_nowait(1);
    auto getter = weft::create_task(get_and_say(empty, log, "never"));
    auto putter = weft::create_task(put_and_say(full, log, 2));
    co_await full.join();
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for an item of a queue") &&
                                                   contains("waits for room in a queue") &&
                                                   contains("waits for the items of a queue to be done"));
  CHECK(empty.getters() == 0);
  CHECK(full.putters() == 0);
}

TEST_CASE("waiting in a queue in which tasks of another loop wait is refused", "[sync][queue]") {
  weft::queue<int> q;
  event_log log;
  weft_test::loop_on_virtual_time other;
  auto first = other.loop.create_task(get_and_say(q, log, "first"));
  weft_test::run_one_pass(other.loop);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refused = co_await weft::outcome_of(q.get());
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
  });
  CHECK(q.getters() == 1);
  q.put_nowait(1);
  other.loop.run_until_complete(first);
  CHECK(log.text() == "first1");
}

TEST_CASE("waiting in a queue allocates nothing", "[sync][queue]") {
  weft::lifo_queue<int> q(1);
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto puts = [&]() -> weft::task<> {
      for (int i = 0; i < 5; ++i) co_await q.put(i);
      co_await q.join();
    };
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames
      const std::uint64_t before = weft_test::allocations();
      auto putter = weft::create_task(puts());
      for (int i = 0; i < 5; ++i) {
        static_cast<void>(co_await q.get());
        q.task_done();
      }
      co_await putter;
      allocated = weft_test::allocations() - before;
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

TEST_CASE("a queue through which many items pass allocates nothing on the way", "[sync][queue]") {
  weft::queue<int> q(4);
  const auto pass = [&] {
    for (int i = 0; i < 1000; ++i) {
      q.put_nowait(i);
      if (q.get_nowait() != i) throw std::logic_error("not the item that was put");
    }
  };
  pass();
  [[maybe_unused]] const auto allocated = weft_test::allocations_in(pass);
#if WEFT_FRAME_POOL && defined(__GLIBCXX__)
  CHECK(allocated == 0);
#endif
}

TEST_CASE("items may be aligned more strictly than ordinary memory is", "[sync][queue]") {
  struct alignas(64) cache_line {
    explicit cache_line(int n) : number(n) {}
    int number;
  };
  weft::queue<cache_line> q;
  for (int i = 0; i < 100; ++i) q.put_nowait(cache_line(i));
  for (int i = 0; i < 100; ++i) {
    const cache_line item = q.get_nowait();
    REQUIRE(item.number == i);
    REQUIRE(reinterpret_cast<std::uintptr_t>(&item) % 64 == 0);
  }
}

}  // namespace sync_queue_test
