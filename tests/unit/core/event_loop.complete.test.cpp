// Tests of weft/core/event_loop.hpp: run_until_complete.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/witness.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace core_event_loop_complete_test {

using namespace std::chrono_literals;
using weft::duration;
using weft::time_point;
using weft_test::contains;
using weft_test::loop_on_virtual_time;
using weft_test::run_until_idle;
using weft_test::witness;
using weft_test::words;

weft::task<> sleep_with(witness) { co_await weft::sleep_for(1h); }

weft::task<> wait_for_each_other(const weft::task_handle<>& other) { co_await other; }

weft::task<std::string> text_after(duration delay) {
  co_await weft::sleep_for(delay);
  co_return "a text that is too long to be kept in the object itself";
}

weft::task<> failing() {
  co_await weft::yield();
  throw std::runtime_error("broken");
}

TEST_CASE_METHOD(loop_on_virtual_time, "run_until_complete returns the result or throws the exception",
                 "[core][event_loop]") {
  CHECK_THAT(loop.run_until_complete(text_after(1s)), contains("too long"));
  CHECK(loop.time() == time_point{1s});
  CHECK_THROWS_WITH(loop.run_until_complete(failing()), "broken");
  const auto handle = loop.create_task(text_after(1s));
  CHECK_THAT(loop.run_until_complete(handle), contains("too long"));
  CHECK_THAT(handle.result(), contains("too long"));  // the handle still has it
  CHECK_THAT(loop.run_until_complete(handle), contains("too long"));
  words destroyed;
  weft::task_handle<> cancelled = loop.create_task(sleep_with(witness(destroyed, "parameter")));
  loop.call_later(1s, [&] { cancelled.cancel(); });
  CHECK_THROWS_AS(loop.run_until_complete(cancelled), weft::cancelled_error);
  CHECK(destroyed == words{"parameter"});
  CHECK_FALSE(loop.is_running());
}

struct uncopied {
  uncopied() = default;
  uncopied(const uncopied&) = delete;
  uncopied& operator=(const uncopied&) = delete;
};
weft::task<uncopied&> hands_back(uncopied& thing) { co_return thing; }

TEST_CASE_METHOD(loop_on_virtual_time, "run_until_complete gives references on, of a task, a function, a future",
                 "[core][event_loop]") {
  uncopied thing;
  CHECK(&loop.run_until_complete(hands_back(thing)) == &thing);
  CHECK(&loop.run_until_complete(hands_back, std::ref(thing)) == &thing);
  weft::future<uncopied&> f(loop);
  f.set_result(thing);
  CHECK(&loop.run_until_complete(f) == &thing);
  CHECK(&loop.run_until_complete(std::move(f)) == &thing);
}

TEST_CASE_METHOD(loop_on_virtual_time, "run_until_complete of what never ends is an error, not a hang",
                 "[core][event_loop]") {
  weft::task_handle<> egg;
  weft::task_handle<> hen = loop.create_task(wait_for_each_other(egg));
  egg = loop.create_task(wait_for_each_other(hen));
  CHECK_THROWS_AS(loop.run_until_complete(hen), weft::deadlock_error);
  CHECK_FALSE(hen.done());
  hen.cancel();
  CHECK_THROWS_AS(loop.run_until_complete(hen), weft::cancelled_error);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a loop that is stopped before the task is done says so", "[core][event_loop]") {
  const auto handle = loop.create_task(text_after(1h));
  loop.call_later(1s, [this] { loop.stop(); });
  CHECK_THROWS_AS(loop.run_until_complete(handle), weft::usage_error);
  CHECK_FALSE(handle.done());
  CHECK_NOTHROW(loop.run_until_complete(handle));  // it can be waited for again
}

TEST_CASE_METHOD(loop_on_virtual_time, "a loop that is stopped just as the task ends is not stopped a second time",
                 "[core][event_loop]") {
  const auto ends_and_stops = [this]() -> weft::task<int> {
    loop.stop();
    co_return 1;
  };
  CHECK(loop.run_until_complete(ends_and_stops()) == 1);
  CHECK_NOTHROW(loop.run_until_complete(text_after(1h)));  // asyncio: "stopped before Future completed"
}

TEST_CASE(
    "a task that run_until_complete has made is not reported when the loop is stopped before it is done, and goes",
    "[core][event_loop]") {
  weft_test::reports told;
  words destroyed;
  const auto stops = [](weft::event_loop& of, witness) -> weft::task<> {
    of.stop();
    co_await weft::sleep_for(1h);
  };
  {
    loop_on_virtual_time on;
    told.listen(on.loop);
    CHECK_THROWS_AS(on.loop.run_until_complete(stops(on.loop, witness(destroyed, "task"))), weft::usage_error);
    CHECK_THROWS_AS(on.loop.run_until_complete(stops, std::ref(on.loop), witness(destroyed, "function")),
                    weft::usage_error);
    CHECK(destroyed.empty());
  }
  CHECK(told.count() == 0);
  CHECK(destroyed.size() == 2);
  {
    loop_on_virtual_time on;
    told.listen(on.loop);
    const auto handle = on.loop.create_task(stops(on.loop, witness(destroyed, "handle")));
    CHECK_THROWS_AS(on.loop.run_until_complete(handle), weft::usage_error);
  }
  CHECK(told.count() == 1);
}

TEST_CASE_METHOD(loop_on_virtual_time, "run_until_complete refuses another loop's task, done or not, and a gone loop's",
                 "[core][event_loop]") {
  auto other = std::make_unique<weft::event_loop>();
  const auto handle = other->create_task(text_after(0s));
  CHECK_THROWS_AS(loop.run_until_complete(handle), std::invalid_argument);
  CHECK_NOTHROW(other->run_until_complete(handle));
  CHECK_THROWS_AS(loop.run_until_complete(handle), std::invalid_argument);
  CHECK_NOTHROW(other->run_until_complete(handle));
  other.reset();
  CHECK_THROWS_AS(loop.run_until_complete(handle), weft::loop_closed_error);
}

TEST_CASE_METHOD(loop_on_virtual_time, "run_until_complete inside a running loop makes no task", "[core][event_loop]") {
  weft::event_loop other;
  bool started = false;
  const auto note = [](bool& flag) -> weft::task<> {
    flag = true;
    co_return;
  };
  loop.call_soon([&] {
    CHECK_THROWS_AS(loop.run_until_complete(note(started)), weft::usage_error);
    CHECK_THROWS_AS(other.run_until_complete(note(started)), weft::usage_error);
  });
  run_until_idle(loop);
  CHECK(loop.tenants().empty());
  CHECK(other.tenants().empty());
  run_until_idle(other);
  CHECK_FALSE(started);
}

}  // namespace core_event_loop_complete_test
