// Tests of weft/core/wait_list.hpp: order, leaving from anywhere, and lists and waiters that go.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/awaitable.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/sync/yield.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace core_wait_list_test {

using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

// The simplest awaiter on a list.
class turn_awaiter final : public weft::wait_node {
 public:
  explicit turn_awaiter(weft::wait_list& list) noexcept : list_(&list) {}
  turn_awaiter(turn_awaiter&& unstarted) noexcept : wait_node(std::move(unstarted)), list_(unstarted.list_) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state& waiting) { wait_in(*list_, waiting); }
  void await_resume() noexcept { leave(); }
  void await_cancelled() noexcept { leave(); }
  std::string describe() const override { return "a turn"; }

 private:
  weft::wait_list* list_;
};

// Waits until it has been woken `times` times, without resuming in between; a cancellation is kept until then.
class patient_awaiter final : public weft::wait_node {
 public:
  patient_awaiter(weft::wait_list& list, int times) noexcept : list_(&list), left_(times) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state& waiting) { wait_in_repeatedly(*list_, waiting); }
  void await_resume() {
    leave();
    if (cancelled_) throw weft::cancelled_error();
  }
  void await_cancelled() noexcept { leave(); }
  bool waits_again(bool cancelled) noexcept override {
    cancelled_ = cancelled_ || cancelled;
    if (!cancelled && --left_ <= 0) return false;
    wait_in_again(*list_, waiting_task());
    return true;
  }
  std::string describe() const override { return "patience"; }

 private:
  weft::wait_list* list_;
  int left_;
  bool cancelled_ = false;
};

weft::task<> wait_and_say(weft::wait_list& list, event_log& log, std::string name) {
  co_await turn_awaiter(list);
  log(name);
}

TEST_CASE("a wait list wakes the one that waits longest, one at a time or all", "[core][wait_list]") {
  weft::wait_list list;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    CHECK_FALSE(list.wake_first());
    auto a = weft::create_task(wait_and_say(list, log, "a"));
    auto b = weft::create_task(wait_and_say(list, log, "b"));
    auto c = weft::create_task(wait_and_say(list, log, "c"));
    co_await weft::yield();
    CHECK(list.size() == 3);
    CHECK(list.wake_first());
    co_await a;
    CHECK(log.text() == "a");
    list.wake_all();
    CHECK_FALSE(list.anyone_waits());
    co_await b;
    co_await c;
  });
  CHECK(log.text() == "a b c");
}

TEST_CASE("one that was woken is in the list until its task resumes", "[core][wait_list]") {
  weft::wait_list list;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(list, log, "a"));
    co_await weft::yield();
    CHECK(list.anyone_waits());
    CHECK(list.first().waiting());
    list.wake_first();
    CHECK_FALSE(list.anyone_waits());
    CHECK(list.anyone_woken());
    CHECK(list.size() == 0);
    co_await weft::yield();
    CHECK_FALSE(list.anyone_woken());
    CHECK(a.done());
  });
}

TEST_CASE("a wake-up through a wait list takes one pass", "[core][wait_list]") {
  weft::wait_list list;
  run_on_virtual_time([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    weft::event_loop::current().call_soon([&] { list.wake_first(); });
    co_await turn_awaiter(list);
    CHECK(counter.passes() == 2);  // one until the callback
  });
}

TEST_CASE("one that is cancelled leaves from anywhere in the list; one that was woken only asks its task",
          "[core][wait_list]") {
  weft::wait_list list;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto a = weft::create_task(wait_and_say(list, log, "a"));
    auto b = weft::create_task(wait_and_say(list, log, "b"));
    auto c = weft::create_task(wait_and_say(list, log, "c"));
    co_await weft::yield();
    b.cancel();
    CHECK(list.size() == 2);
    list.wake_first();
    a.cancel();
    CHECK(list.anyone_woken());
    co_await weft::yield();
    CHECK(a.cancelled());
    CHECK(b.cancelled());
    CHECK_FALSE(list.anyone_woken());
    list.wake_all();
    co_await c;
  });
  CHECK(log.text() == "c");
}

TEST_CASE("one that waits again does so at the end of the list, and without having resumed", "[core][wait_list]") {
  weft::wait_list list;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto patient = [&]() -> weft::task<> {
      co_await patient_awaiter(list, 2);
      log("patient");
    };
    auto p = weft::create_task(patient());
    auto a = weft::create_task(wait_and_say(list, log, "a"));
    co_await weft::yield();
    list.wake_first();
    co_await weft::yield();
    CHECK(list.size() == 2);
    list.wake_first();
    co_await a;
    CHECK_FALSE(p.done());
    list.wake_first();
    co_await p;
  });
  CHECK(log.text() == "a patient");
}

TEST_CASE("one that waits again in spite of a cancellation throws it later", "[core][wait_list]") {
  weft::wait_list list;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto patient = [&]() -> weft::task<> { co_await patient_awaiter(list, 1); };
    auto p = weft::create_task(patient());
    co_await weft::yield();
    p.cancel();
    co_await weft::yield();
    CHECK_FALSE(p.done());
    CHECK(list.size() == 1);
    list.wake_first();
    p.cancel();  // in the same pass
    co_await weft::yield();
    CHECK(list.size() == 1);
    list.wake_first();
    co_await weft::yield();
    CHECK(p.cancelled());
  });
}

TEST_CASE("a waiter that has not started may move", "[core][wait_list]") {
  weft::wait_list list;
  run_on_virtual_time([&]() -> weft::task<> {
    turn_awaiter first(list);
    turn_awaiter moved = std::move(first);
    CHECK_FALSE(moved.waiting());
    weft::event_loop::current().call_soon([&] {
      CHECK(list.size() == 1);
      list.wake_all();
    });
    co_await std::move(moved);
    CHECK_FALSE(list.anyone_waits());
  });
}

TEST_CASE("a wait list that goes forgets those who wait, who can be cancelled, and lets those run who were woken",
          "[core][wait_list]") {
  event_log log;
  weft_test::reports told;
  weft_test::census counts;
  const auto body = [&](tracked, weft::wait_list& list, std::string name) -> weft::task<> {
    co_await turn_awaiter(list);
    log(name);
  };
  {
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    auto list = std::make_unique<weft::wait_list>();
    on.loop.create_task(body(tracked(counts), *list, "woken"));
    auto stuck = on.loop.create_task(body(tracked(counts), *list, "stuck"), "stuck");
    weft_test::run_one_pass(on.loop);
    list->wake_first();
    list.reset();
    CHECK_THROWS_WITH(on.loop.run_forever(), contains("'stuck'") && contains("a turn"));
    CHECK_FALSE(stuck.done());
    stuck.cancel();
    weft_test::run_one_pass(on.loop);
    CHECK(stuck.cancelled());
  }
  CHECK(log.text() == "woken");
  CHECK(counts.alive == 0);
}

TEST_CASE("a loop that goes takes those out of the list that wait or were woken", "[core][wait_list]") {
  weft::wait_list list;
  weft_test::census counts;
  weft_test::reports told;
  event_log log;
  const auto body = [&](tracked) -> weft::task<> { co_await turn_awaiter(list); };
  {
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    for (int i = 0; i < 3; ++i) on.loop.create_task(body(tracked(counts)));
    weft_test::run_one_pass(on.loop);
    list.wake_first();
  }
  CHECK(counts.alive == 0);
  CHECK_FALSE(list.anyone_waits());
  CHECK_FALSE(list.anyone_woken());
}

TEST_CASE("a task of another loop may not wait where somebody waits, and may when nobody does", "[core][wait_list]") {
  weft::wait_list list;
  event_log log;
  weft_test::loop_on_virtual_time other;
  auto first = other.loop.create_task(wait_and_say(list, log, "first"));
  weft_test::run_one_pass(other.loop);
  const auto body = [&] { return wait_and_say(list, log, "second"); };
  CHECK_THROWS_AS(run_on_virtual_time(body), weft::usage_error);
  CHECK(list.size() == 1);
  list.wake_all();
  other.loop.run_until_complete(first);
  run_on_virtual_time([&]() -> weft::task<> {
    auto second = weft::create_task(body());
    co_await weft::yield();
    list.wake_all();
    co_await second;
  });
  CHECK(log.text() == "first second");
}

}  // namespace core_wait_list_test
