// Tests of weft/sync/condition_variable.hpp: the mutex around a wait, who is notified, and cancellation in between.
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
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/yield.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace sync_condition_variable_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<> wait_and_say(weft::condition_variable& c, event_log& log, std::string name) {
  const auto lock = co_await c.lock();
  try {
    co_await c.wait();
    log(name);
  } catch (const weft::cancelled_error&) {
    log(name + (c.locked() ? "_cancelled" : "_cancelled_without_the_lock"));
    throw;
  }
}

// Tells n of those who wait.
weft::task<> notify(weft::condition_variable& c, std::size_t n) {
  const auto lock = co_await c.lock();
  c.notify(n);
}

TEST_CASE("a condition variable wakes as many as it is told to, in their order", "[sync][condition_variable]") {
  weft::condition_variable c;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(c, log, "a"));
    auto b = weft::create_task(wait_and_say(c, log, "b"));
    auto d = weft::create_task(wait_and_say(c, log, "d"));
    co_await weft::yield();
    CHECK(c.waiters() == 3);
    CHECK_FALSE(c.locked());
    co_await notify(c, 0);
    CHECK(c.waiters() == 3);
    co_await notify(c, 2);
    CHECK(c.waiters() == 1);
    co_await weft::gather(a, b);
    log("then");
    co_await notify(c, 100);
    co_await d;
  });
  CHECK(log.text() == "a b then d");
}

TEST_CASE("notify_one() wakes one, notify_all() the rest, and each has the mutex when it returns",
          "[sync][condition_variable]") {
  weft::condition_variable c;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(c, log, "a"));
    auto b = weft::create_task(wait_and_say(c, log, "b"));
    auto d = weft::create_task(wait_and_say(c, log, "d"));
    co_await weft::yield();
    auto lock = co_await c.lock();
    c.notify_one();
    CHECK(c.waiters() == 2);
    c.notify_all();
    CHECK(c.waiters() == 0);
    co_await weft::yield();
    co_await weft::yield();
    log("unlocks");
    lock.unlock();
    co_await weft::gather(a, b, d);
  });
  CHECK(log.text() == "unlocks a b d");
  CHECK_FALSE(c.locked());
}

TEST_CASE("a condition variable's wait takes a pass for the notification and none for a free mutex",
          "[sync][condition_variable]") {
  weft::condition_variable c;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto lock = co_await c.lock();
    weft_test::pass_counter counter;
    weft::event_loop::current().call_soon([&] {
      const weft::mutex_lock notifier = c.try_lock();
      c.notify_one();
    });
    co_await c.wait();
    CHECK(counter.passes() == 2);
    CHECK(c.locked());
  });
}

TEST_CASE("a wait with a predicate looks with the mutex held, and goes on when it is true",
          "[sync][condition_variable]") {
  weft::condition_variable c;
  int value = 0;
  int looked = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> weft::task<> {
      const auto lock = co_await c.lock();
      co_await c.wait([&] {
        CHECK(c.locked());
        ++looked;
        return value == 2;
      });
    };
    auto waiting = weft::create_task(body());
    for (int i = 1; i <= 3; ++i) {
      co_await weft::yield();
      value = i == 1 ? 1 : 2;
      if (!waiting.done()) co_await notify(c, 1);
    }
    co_await waiting;
    const auto lock = co_await c.lock();
    co_await c.wait([&] { return true; });  // at once
  });
  CHECK(looked == 3);
}

class owns_its_answer {
 public:
  explicit owns_its_answer(bool answer) : answer_(std::make_unique<bool>(answer)) {}
  bool operator()() const { return *answer_; }

 private:
  std::unique_ptr<bool> answer_;
};

TEST_CASE("a predicate may own what only moves, and lives as long as the wait", "[sync][condition_variable]") {
  weft::condition_variable c;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto lock = co_await c.lock();
    auto wait = c.wait(owns_its_answer(true));
    co_await std::move(wait);
    CHECK(c.locked());
  });
}

TEST_CASE("an exception of a predicate passes, with the mutex held", "[sync][condition_variable]") {
  weft::condition_variable c;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto lock = co_await c.lock();
    const auto broken = [&]() -> bool { throw std::runtime_error("broken"); };
    const auto outcome = co_await weft::outcome_of(c.wait(broken));
    CHECK_THROWS_WITH(outcome.value(), "broken");
    CHECK(c.locked());
    CHECK(c.waiters() == 0);
  });
}

TEST_CASE("two condition variables can share a mutex", "[sync][condition_variable]") {
  weft::mutex m;
  weft::condition_variable one(m);
  weft::condition_variable other(m);
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(one, log, "one"));
    auto b = weft::create_task(wait_and_say(other, log, "other"));
    co_await weft::yield();
    auto lock = co_await m.lock();
    CHECK(one.locked());
    CHECK_FALSE(static_cast<bool>(other.try_lock()));
    other.notify_all();
    CHECK(one.waiters() == 1);
    CHECK(other.waiters() == 0);
    lock.unlock();
    co_await b;
    co_await notify(one, 1);
    co_await a;
  });
  CHECK(log.text() == "other one");
}

// ---- wrong uses ----

TEST_CASE("notify of less than nobody is refused, and nobody is woken", "[sync][condition_variable]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::condition_variable c;
    auto wait = [&]() -> weft::task<> {
      auto lock = co_await c.lock();
      co_await c.wait();
    };
    auto waiting = weft::create_task(wait);
    co_await weft::yield();
    {
      auto lock = co_await c.lock();
      CHECK_THROWS_AS(c.notify(static_cast<std::size_t>(-1)), std::invalid_argument);
    }
    CHECK(c.waiters() == 1);
    co_await notify(c, 1);
    co_await waiting;
  });
}

TEST_CASE("notify without the lock is refused, and nobody is woken", "[sync][condition_variable]") {
  weft::condition_variable c;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(c, log, "a"));
    co_await weft::yield();
    CHECK_THROWS_AS(c.notify_one(), weft::usage_error);
    CHECK_THROWS_AS(c.notify(3), weft::usage_error);
    CHECK_THROWS_AS(c.notify(0), weft::usage_error);
    CHECK_THROWS_WITH(c.notify_all(), contains("without the lock"));
    CHECK(c.waiters() == 1);
    co_await notify(c, 1);
    co_await a;
  });
  CHECK(log.text() == "a");
}

TEST_CASE("wait without the lock is refused, and nobody waits", "[sync][condition_variable]") {
  weft::condition_variable c;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refused = co_await weft::outcome_of(c.wait());
    CHECK_THROWS_WITH(refused.value(), contains("without the lock"));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
    CHECK(c.waiters() == 0);
    CHECK_FALSE(c.locked());
    const auto lock = co_await c.lock();
    c.notify_all();
  });
}

// ---- cancelled, destroyed, stuck ----

TEST_CASE("a cancelled wait takes the mutex again before it throws", "[sync][condition_variable]") {
  weft::condition_variable c;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(c, log, "a"));
    co_await weft::yield();
    auto lock = co_await c.lock();
    a.cancel();
    CHECK(c.waiters() == 0);
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    log("unlocks");
    lock.unlock();
    co_await weft::yield();
    CHECK(a.cancelled());
  });
  CHECK(log.text() == "unlocks a_cancelled");
}

TEST_CASE("a wait that is cancelled again while it takes the mutex again still waits for it",
          "[sync][condition_variable]") {
  weft::condition_variable c;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(c, log, "a"));
    co_await weft::yield();
    auto lock = co_await c.lock();
    for (int i = 0; i < 4; ++i) {
      a.cancel();
      co_await weft::yield();
    }
    CHECK_FALSE(a.done());
    log("unlocks");
    lock.unlock();
    co_await weft::yield();
    CHECK(a.cancelled());
    CHECK_FALSE(c.locked());
  });
  CHECK(log.text() == "unlocks a_cancelled");
}

TEST_CASE("a task that is notified and cancelled in the same pass leaves the notification to another one",
          "[sync][condition_variable]") {
  weft::condition_variable c;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(c, log, "a"));
    auto b = weft::create_task(wait_and_say(c, log, "b"));
    co_await weft::yield();
    co_await notify(c, 1);
    a.cancel();
    co_await b;
    CHECK(a.cancelled());
  });
  CHECK(log.text() == "a_cancelled b");
}

TEST_CASE("a loop may go in any pass around those that wait for a condition variable or take its mutex again",
          "[sync][condition_variable]") {
  for (int passes = 0; passes < 8; ++passes) {
    INFO(passes);
    weft::condition_variable c;
    weft_test::census counts;
    weft_test::reports told;
    const auto body = [&](tracked) -> weft::task<> {
      const auto lock = co_await c.lock();
      co_await c.wait([] { return false; });
    };
    const auto notifies = [&](tracked) -> weft::task<> {
      const auto lock = co_await c.lock();
      for (;;) {
        c.notify_one();
        co_await weft::yield();
      }
    };
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      for (int i = 0; i < 3; ++i) on.loop.create_task(body(tracked(counts)));
      on.loop.create_task(notifies(tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
    CHECK(c.waiters() == 0);
    CHECK(static_cast<bool>(c.try_lock()));
  }
}

TEST_CASE("a condition variable, or the mutex that it shares, may go before those who wait, who can be cancelled",
          "[sync][condition_variable]") {
  event_log log;
  const bool mutex_goes = GENERATE(false, true);
  run_on_virtual_time([&]() -> weft::task<> {
    auto m = std::make_unique<weft::mutex>();
    auto c = std::make_unique<weft::condition_variable>(*m);
    const auto body = [](weft::condition_variable& from) -> weft::task<> {
      const auto lock = co_await from.lock();
      co_await from.wait();
    };
    auto waits = weft::create_task(body(*c));
    auto notified = weft::create_task(body(*c));
    co_await weft::yield();
    const auto lock = co_await m->lock();
    c->notify_one();
    co_await weft::yield();  // one of them waits for the mutex now
    c.reset();
    if (mutex_goes) m.reset();
    waits.cancel();
    notified.cancel();
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    CHECK(notified.cancelled());
    CHECK((waits.cancelled() || !mutex_goes));
  });
  CHECK(log.text().empty());
}

TEST_CASE("a task that was notified by a condition variable that has gone does not touch it, and waits to be cancelled",
          "[sync][condition_variable]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto c = std::make_unique<weft::condition_variable>();
    const auto once = [&](weft::condition_variable& from) -> weft::task<> {
      const auto lock = co_await from.lock();
      co_await from.wait();
      log("never");
    };
    const auto until_true = [&](weft::condition_variable& from) -> weft::task<> {
      const auto lock = co_await from.lock();
      co_await from.wait([] { return false; });
    };
    auto a = weft::create_task(once(*c));
    auto b = weft::create_task(until_true(*c));
    co_await weft::yield();
    co_await notify(*c, 2);
    c.reset();
    co_await weft::yield();
    co_await weft::yield();
    a.cancel();
    b.cancel();
    co_await weft::yield();
    CHECK(a.cancelled());
    CHECK(b.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("a deadlock report says who waits for a condition variable, and who for its mutex",
          "[sync][condition_variable]") {
  weft::condition_variable c;
  const auto waits = [&]() -> weft::task<> {
    const auto lock = co_await c.lock();
    co_await c.wait();
  };
  CHECK_THROWS_WITH(run_on_virtual_time(waits), contains("waits for a condition variable\n"));
  event_log log;
  weft_test::reports told;
  const auto keeps_the_mutex = [&]() -> weft::task<> {
    told.listen();
    auto a = weft::create_task(wait_and_say(c, log, "a"));
    co_await weft::yield();
    const auto lock = co_await c.lock();
    c.notify_one();
    co_await a;
  };
  CHECK_THROWS_WITH(run_on_virtual_time(keeps_the_mutex), contains("waits for a condition variable's mutex"));
  CHECK(told.count() == 2);  // no cancellation gets them out
}

TEST_CASE("waiting for a condition variable allocates nothing", "[sync][condition_variable]") {
  weft::condition_variable c;
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto wait = [&]() -> weft::task<> {
      const auto lock = co_await c.lock();
      co_await c.wait();
    };
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames
      const std::uint64_t before = weft_test::allocations();
      auto a = weft::create_task(wait());
      auto b = weft::create_task(wait());
      co_await weft::yield();
      co_await notify(c, 2);
      co_await a;
      co_await b;
      allocated = weft_test::allocations() - before;
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

}  // namespace sync_condition_variable_test
