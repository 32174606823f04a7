// Tests of weft/core/event_loop.hpp: what happens to tasks, callbacks and handles when a loop goes.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/loop_steps.hpp"
#include "support/witness.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/time/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

namespace core_event_loop_end_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::run_one_pass;
using weft_test::witness;
using weft_test::words;

weft::task<> sleep_with(witness) { co_await weft::sleep_for(1h); }

TEST_CASE("a loop that goes destroys the tasks that are left, newest first, and each once", "[core][event_loop]") {
  words destroyed;
  words reported;
  weft::task_handle<> first;
  weft::task_handle<> never_started;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler(
        [&](const weft::exception_context& c) { reported.push_back(c.message + ": " + c.task); });
    first = loop.create_task(sleep_with(witness(destroyed, "first")), "first");
    loop.create_task(sleep_with(witness(destroyed, "second")), "second");
    loop.create_task(sleep_with(witness(destroyed, "third")), "third");
    run_one_pass(loop);
    never_started = loop.create_task(sleep_with(witness(destroyed, "never started")), "fourth");
    CHECK(loop.armed_timers() == 3);
    CHECK(destroyed.empty());
  }
  CHECK(destroyed == words{"never started", "third", "second", "first"});
  CHECK(reported.size() == 4);
  CHECK_THAT(reported.at(0), contains("Task was destroyed but it is pending: 'fourth'"));
  CHECK_THAT(reported.at(3), contains("'first'") && contains("event_loop.end.test.cpp:"));
  CHECK(first.done());
  CHECK(first.cancelled());
  CHECK(never_started.cancelled());
}

TEST_CASE("a loop that goes destroys callbacks and timers uncalled, each once", "[core][event_loop]") {
  words destroyed;
  int calls = 0;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.call_soon([&, w = witness(destroyed, "soon")] { ++calls; });
    loop.call_later(1h, [&, w = witness(destroyed, "later")] { ++calls; });
    loop.remote().call_soon_threadsafe([&, w = witness(destroyed, "posted")] { ++calls; });
    loop.call_soon([&, w = witness(destroyed, "cancelled")] { ++calls; }).cancel();
    CHECK(destroyed == words{"cancelled"});
  }
  std::sort(destroyed.begin(), destroyed.end());
  CHECK(destroyed == words{"cancelled", "later", "posted", "soon"});
  CHECK(calls == 0);
}

TEST_CASE("what is destroyed with the loop may cancel callbacks and may not schedule any", "[core][event_loop]") {
  words refused;
  words destroyed;
  struct on_destruction {
    explicit on_destruction(std::function<void()> f) : function(std::move(f)) {}
    on_destruction(on_destruction&& other) noexcept : function(std::exchange(other.function, nullptr)) {}
    on_destruction(const on_destruction&) = delete;
    on_destruction& operator=(const on_destruction&) = delete;
    ~on_destruction() {
      if (function) function();
    }
    std::function<void()> function;
  };
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    auto soon = loop.call_soon([w = witness(destroyed, "soon")] {});
    auto later = loop.call_later(2h, [w = witness(destroyed, "later")] {});
    loop.call_later(1h, [d = on_destruction([&, soon, later]() mutable {
                           soon.cancel();
                           later.cancel();
                           CHECK(loop.is_closed());
                           try {
                             loop.call_soon([] {});
                           } catch (const weft::loop_closed_error&) {
                             refused.emplace_back("call_soon");
                           }
                           try {
                             loop.call_later(1s, [] {});
                           } catch (const weft::loop_closed_error&) {
                             refused.emplace_back("call_later");
                           }
                           try {
                             loop.create_task([]() -> weft::task<> { co_return; }());
                           } catch (const weft::loop_closed_error&) {
                             refused.emplace_back("create_task");
                           }
                           try {
                             loop.run_forever();
                           } catch (const weft::loop_closed_error&) {
                             refused.emplace_back("run_forever");
                           }
                         })] {});
  }
  CHECK(refused == words{"call_soon", "call_later", "create_task", "run_forever"});
  CHECK(destroyed == words{"soon", "later"});
}

struct cancels_on_destruction {
  explicit cancels_on_destruction(weft::task_handle<> t) : target(std::move(t)) {}
  cancels_on_destruction(cancels_on_destruction&&) = default;
  cancels_on_destruction(const cancels_on_destruction&) = delete;
  cancels_on_destruction& operator=(const cancels_on_destruction&) = delete;
  ~cancels_on_destruction() {
    if (target) target.cancel();
  }
  weft::task_handle<> target;
};

weft::task<> sleep_and_cancel(cancels_on_destruction) { co_await weft::sleep_for(1h); }

TEST_CASE("a destructor may cancel another task while the loop goes", "[core][event_loop]") {
  words destroyed;
  weft::task_handle<> older;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    older = loop.create_task(sleep_with(witness(destroyed, "older")));
    loop.create_task(sleep_and_cancel(cancels_on_destruction(older)));
    run_one_pass(loop);
  }
  CHECK(destroyed == words{"older"});
  CHECK(older.cancelled());
}

}  // namespace core_event_loop_end_test
