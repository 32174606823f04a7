// Tests of weft/sync/future.hpp: results of all kinds, who is told when, and futures that outlive their loop.
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
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace sync_future_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

weft::task<> wait_and_say(weft::future<int> f, event_log& log, std::string name) {
  try {
    log(name + std::to_string(co_await f));
  } catch (const weft::cancelled_error&) {
    log(name + "_cancelled");
    throw;
  }
}

// ---- results ----

TEST_CASE("a future gives its result to all who wait, in the pass after it was set", "[sync][future]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const weft::future<int> f;
    auto a = weft::create_task(wait_and_say(f, log, "a"));
    auto b = weft::create_task(wait_and_say(f, log, "b"));
    co_await weft::yield();
    f.set_result(7);
    CHECK(f.done());
    log("set");
    co_await weft::gather(a, b);
    weft_test::pass_counter counter;
    const int again = co_await f;
    CHECK(again == 7);
    CHECK(counter.passes() == 0);
  });
  CHECK(log.text() == "set a7 b7");
}

TEST_CASE_METHOD(loop_on_virtual_time, "a future of void, of a reference, of what only moves", "[sync][future]") {
  const weft::future<> nothing(loop);
  nothing.set_result();
  nothing.result();
  CHECK(nothing.done());

  int target = 1;
  const weft::future<int&> reference(loop);
  reference.set_result(target);
  reference.result() = 2;
  CHECK(target == 2);

  weft::future<std::unique_ptr<int>> owner(loop);
  owner.set_result(std::make_unique<int>(3));
  CHECK(*owner.result() == 3);
  const std::unique_ptr<int> taken = std::move(owner).result();
  CHECK(*taken == 3);
}

TEST_CASE("a future of a reference or of void can be awaited", "[sync][future]") {
  int target = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    const weft::future<> nothing;
    const weft::future<int&> reference;
    weft::event_loop::current().call_soon([&] { reference.set_result(target); });
    weft::event_loop::current().call_soon([&] { nothing.set_result(); });
    co_await nothing;
    int& got = co_await reference;
    got = 2;
  });
  CHECK(target == 2);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a result is made in place, and awaiting it copies nothing", "[sync][future]") {
  weft_test::census counts;
  {
    const weft::future<tracked> f(loop);
    f.set_result(counts);
    CHECK(counts.made == 1);
    const auto body = [&]() -> weft::task<> {
      const tracked& first = co_await f;
      const tracked& second = co_await f;
      CHECK(&first == &second);
    };
    auto t = loop.create_task(body());
    loop.run_until_complete(t);
    CHECK(counts.made == 1);
  }
  CHECK(counts.alive == 0);
}

TEST_CASE("a future's exception is thrown to all who ask, given as an object or a pointer", "[sync][future]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::future<int> f;
    const weft::future<> g;
    f.set_exception(std::runtime_error("broken"));
    g.set_exception(std::make_exception_ptr(std::logic_error("wrong")));
    for (int i = 0; i < 2; ++i) {
      const auto outcome = co_await weft::outcome_of(weft::future(f));
      CHECK_THROWS_WITH(outcome.value(), "broken");
    }
    CHECK_THROWS_AS(f.result(), std::runtime_error);
    CHECK_THROWS_AS(g.result(), std::logic_error);
    CHECK(g.exception() != nullptr);
    CHECK_FALSE(g.cancelled());
  });
}

class throws_on_construction {
 public:
  explicit throws_on_construction(bool throws) {
    if (throws) throw std::runtime_error("cannot be made");
  }
};

TEST_CASE_METHOD(loop_on_virtual_time, "a result whose constructor throws leaves the future pending",
                 "[sync][future]") {
  const weft::future<throws_on_construction> f(loop);
  CHECK_THROWS_WITH(f.set_result(true), "cannot be made");
  CHECK_FALSE(f.done());
  f.set_result(false);
  CHECK(f.done());
}

struct alignas(64) cache_line {
  unsigned char bytes[64] = {};
};

TEST_CASE_METHOD(loop_on_virtual_time, "the result of a future is aligned as its type asks", "[sync][future]") {
  std::uintptr_t misaligned = 0;
  std::vector<weft::future<cache_line>> lines;
  std::vector<weft::future<char>> between;
  for (int i = 0; i < 8; ++i) {
    lines.emplace_back(loop).set_result(cache_line());
    between.emplace_back(loop);
    misaligned |= reinterpret_cast<std::uintptr_t>(&std::as_const(lines.back()).result()) % 64;
  }
  CHECK(misaligned == 0);
}

TEST_CASE_METHOD(loop_on_virtual_time, "copies of a future are the same future", "[sync][future]") {
  weft::future<int> a(loop);
  weft::future<int> b = a;
  weft::future<int> other(loop);
  CHECK(a == b);
  CHECK_FALSE(a == other);
  b.set_result(1);
  CHECK(a.result() == 1);
  other = a;
  CHECK(other.result() == 1);
  a = weft::future<int>(loop);
  CHECK_FALSE(a.done());
  CHECK(other.result() == 1);
}

// ---- wrong uses ----

TEST_CASE_METHOD(loop_on_virtual_time, "a future is set once, and cannot be asked before", "[sync][future]") {
  const weft::future<int> f(loop);
  CHECK_THROWS_AS(f.result(), weft::invalid_state_error);
  CHECK_THROWS_AS(f.exception(), weft::invalid_state_error);
  CHECK_THROWS_AS(f.set_exception(std::exception_ptr()), std::invalid_argument);
  CHECK_FALSE(f.done());
  f.set_result(1);
  CHECK_THROWS_AS(f.set_result(2), weft::invalid_state_error);
  CHECK_THROWS_AS(f.set_exception(std::runtime_error("late")), weft::invalid_state_error);
  CHECK_FALSE(f.cancel());
  CHECK(f.result() == 1);
  CHECK(f.exception() == nullptr);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a cancelled future throws cancelled_error, and cannot be set",
                 "[sync][future]") {
  const weft::future<int> f(loop);
  CHECK(f.cancel());
  CHECK_FALSE(f.cancel());
  CHECK(f.cancelled());
  CHECK(f.done());
  CHECK_THROWS_AS(f.result(), weft::cancelled_error);
  CHECK_THROWS_AS(f.exception(), weft::cancelled_error);
  CHECK_THROWS_AS(f.set_result(1), weft::invalid_state_error);
}

TEST_CASE("a future needs a loop that runs, or that is named", "[sync][future]") {
  CHECK_THROWS_AS(weft::future<int>(), weft::usage_error);
}

TEST_CASE("awaiting a future of another loop is refused while it is pending", "[sync][future]") {
  loop_on_virtual_time other;
  const weft::future<int> f(other.loop);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto refused = co_await weft::outcome_of(weft::future(f));
    CHECK_THROWS_WITH(refused.value(), contains("another loop"));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
    CHECK_FALSE(f.done());
    f.set_result(5);
    const int got = co_await f;
    CHECK(got == 5);
  });
}

// ---- cancelled, destroyed, stuck ----

TEST_CASE("a task that is cancelled while it waits for a future cancels it, and so all who wait", "[sync][future]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const weft::future<int> f;
    auto a = weft::create_task(wait_and_say(f, log, "a"));
    auto b = weft::create_task(wait_and_say(f, log, "b"));
    co_await weft::yield();
    b.cancel();
    CHECK(f.cancelled());
    co_await weft::yield();
    CHECK(a.cancelled());
    CHECK(b.cancelled());
    CHECK(a.cancelling() == 0);
  });
  CHECK(log.text() == "a_cancelled b_cancelled");
}

TEST_CASE("a task that is cancelled in the pass in which its future was set is cancelled, the future is not",
          "[sync][future]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const weft::future<int> f;
    auto a = weft::create_task(wait_and_say(f, log, "a"));
    co_await weft::yield();
    f.set_result(1);
    a.cancel();
    co_await weft::yield();
    CHECK(a.cancelled());
    CHECK(f.result() == 1);
  });
  CHECK(log.text() == "a_cancelled");
}

TEST_CASE("a loop that goes leaves its futures as they are, and destroys those who wait", "[sync][future]") {
  weft_test::census counts;
  weft_test::reports told;
  std::optional<weft::future<int>> kept;
  {
    loop_on_virtual_time on;
    told.listen(on.loop);
    kept.emplace(on.loop);
    const auto body = [](tracked, weft::future<int> f) -> weft::task<> { static_cast<void>(co_await f); };
    for (int i = 0; i < 3; ++i) on.loop.create_task(body(tracked(counts), *kept));
    static_cast<void>(kept->add_done_callback([t = tracked(counts)](const weft::future<int>&) {}));
    weft_test::run_one_pass(on.loop);
    CHECK(counts.alive == 4);
  }
  CHECK(counts.alive == 0);
  CHECK_FALSE(kept->done());
  CHECK_THROWS_AS(kept->add_done_callback([](const weft::future<int>&) {}), weft::loop_closed_error);
  kept->set_result(1);
  CHECK(kept->result() == 1);
}

TEST_CASE("a future of a loop that has gone can be awaited if it is done, and is refused if not", "[sync][future]") {
  std::optional<weft::future<int>> done;
  std::optional<weft::future<int>> pending;
  {
    loop_on_virtual_time on;
    done.emplace(on.loop).set_result(1);
    pending.emplace(on.loop);
  }
  run_on_virtual_time([&]() -> weft::task<> {
    const int got = co_await *done;
    CHECK(got == 1);
    const auto refused = co_await weft::outcome_of(weft::future(*pending));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
  });
}

TEST_CASE("a deadlock report says who waits for a future", "[sync][future]") {
  const auto body = []() -> weft::task<> {
    const weft::future<> f;
    co_await f;
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), contains("waits for a future") && contains("future.test.cpp:"));
}

// ---- callbacks and reports ----

TEST_CASE("a future's callbacks and those who await it are told in the order in which they came", "[sync][future]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::future<int> f;
    f.add_done_callback([&](const weft::future<int>& g) { log("first" + std::to_string(g.result())); });
    auto a = weft::create_task(wait_and_say(f, log, "a"));
    co_await weft::yield();
    auto taken_back = f.add_done_callback([&](const weft::future<int>&) { log("never"); });
    f.add_done_callback([&](const weft::future<int>& g) { log(g == f ? "same" : "another"); });
    taken_back.cancel();
    f.set_result(1);
    CHECK(log.text().empty());
    co_await a;
    f.add_done_callback([&](const weft::future<int>&) { log("late"); });
    co_await weft::yield();
  });
  CHECK(log.text() == "first1 a1 same late");
}

TEST_CASE("a callback may drop the last reference to a future, and may own what only moves", "[sync][future]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto f = std::make_unique<weft::future<int>>();
    f->add_done_callback([&, owner = std::make_unique<int>(2)](const weft::future<int>& g) {
      f.reset();
      log(std::to_string(g.result() + *owner));
    });
    f->set_result(1);
    co_await weft::yield();
    CHECK(f == nullptr);
  });
  CHECK(log.text() == "3");
}

TEST_CASE("a future may be dropped while a task waits for it", "[sync][future]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto f = std::make_unique<weft::future<int>>();
    weft::callback_handle set = weft::event_loop::current().call_soon([g = *f] { g.set_result(4); });
    const auto body = [&]() -> weft::task<> {
      const int got = co_await *f;
      log(std::to_string(got));
    };
    auto t = weft::create_task(body());
    weft::event_loop::current().call_soon([&] { f.reset(); });
    co_await t;
  });
  CHECK(log.text() == "4");
}

TEST_CASE("an exception that nobody looked at is reported when the last copy of the future goes", "[sync][future]") {
  weft_test::reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    {
      const weft::future<int> looked_at;
      looked_at.set_exception(std::runtime_error("seen"));
      CHECK(looked_at.exception() != nullptr);
      const weft::future<int> lost;
      const weft::future<int> copy = lost;  // NOLINT: the last one
      lost.set_exception(std::runtime_error("lost"));
    }
    CHECK(told.count() == 1);
    co_return;
  });
  CHECK(told.text() == "Future exception was never retrieved: lost");
}

TEST_CASE("waiting for a future allocates nothing", "[sync][future]") {
  std::uint64_t allocated = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto wait = [](weft::future<int> f) -> weft::task<> { static_cast<void>(co_await f); };
    for (int round = 0; round < 2; ++round) {  // the first one fills the pool of frames
      const std::uint64_t before = weft_test::allocations();
      const weft::future<int> f;
      auto a = weft::create_task(wait(f));
      auto b = weft::create_task(wait(f));
      co_await weft::yield();
      f.set_result(1);
      co_await a;
      co_await b;
      allocated = weft_test::allocations() - before;
    }
  });
  if (WEFT_FRAME_POOL) CHECK(allocated == 0);
}

TEST_CASE("a temporary future gives its result by value, and moves out what can only be moved", "[sync][future]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::future<std::string> text;
    text.set_result("text");
    const std::string copy = co_await weft::future<std::string>(text);
    CHECK(copy == "text");
    CHECK(text.result() == "text");
    const weft::future<std::unique_ptr<int>> owner;
    owner.set_result(std::make_unique<int>(7));
    const std::unique_ptr<int> moved = co_await weft::future<std::unique_ptr<int>>(owner);
    REQUIRE(moved != nullptr);
    CHECK(*moved == 7);
    int number = 1;
    const weft::future<int&> reference;
    reference.set_result(number);
    int& there = co_await weft::future<int&>(reference);
    CHECK(&there == &number);
  });
}

}  // namespace sync_future_test
