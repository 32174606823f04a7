// Tests of weft/flow/with_closing.hpp: what is closed after the body, however that has ended.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/throws_when_moved.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/with_closing.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

namespace flow_with_closing_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::throws_when_moved;
using weft_test::tracked;

using ints = weft::async_generator<int>;

ints counted(event_log& log) {
  const says_goodbye guard(log, "gone");
  try {
    for (int n = 0;; ++n) co_yield n;
  } catch (const weft::generator_exit&) {
  }
  co_await weft::sleep_for(5ms);
  log("closed");
}

TEST_CASE("with_closing gives what the body gives, and closes before that", "[flow][with_closing]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const int found = co_await weft::with_closing(counted(log), [](ints& all) -> weft::task<int> {
      while (auto n = co_await all.next()) {
        if (*n == 3) co_return *n;
      }
      co_return -1;
    });
    CHECK(found == 3);
    CHECK(log.text() == "closed gone");
    CHECK(now_ms() == 5);
  });
}

TEST_CASE("with_closing closes after an exception, and after a cancellation", "[flow][with_closing]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto fails = [](ints& all) -> weft::task<> {
      co_await all.next();
      throw std::runtime_error("broken");
    };
    const auto failed = co_await weft::outcome_of(weft::with_closing(counted(log), fails));
    CHECK_THROWS_WITH(failed.value(), "broken");
    CHECK(log.text() == "closed gone");
    const auto sleeps = [](ints& all) -> weft::task<> {
      co_await all.next();
      co_await weft::sleep_for(1h);
    };
    const auto late = co_await weft::outcome_of(weft::with_timeout(1ms, weft::with_closing(counted(log), sleeps)));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    CHECK(log.text() == "closed gone closed gone");
    const auto throws = [](ints&) -> weft::task<> { throw std::runtime_error("no coroutine"); };
    const auto thrown = co_await weft::outcome_of(weft::with_closing(counted(log), throws));
    CHECK_THROWS_WITH(thrown.value(), "no coroutine");
  });
}

// Closes with an exception, or after a pass.
class door {
 public:
  door(event_log& log, bool fails) : log_(log), fails_(fails) {}
  weft::task<> close() {
    log_("close");
    co_await weft::yield();
    if (fails_) throw std::runtime_error("stuck");
    log_("closed");
  }

 private:
  event_log& log_;
  bool fails_;
};
static_assert(weft::closable<door> && weft::closable<ints&> && !weft::closable<int>);

TEST_CASE("with_closing closes whatever has a close(), by reference, too", "[flow][with_closing]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    door named(log, false);
    const auto body = [&](door& d) -> weft::task<> {
      CHECK(&d == &named);
      log("body");
      co_return;
    };
    weft_test::pass_counter counter;
    co_await weft::with_closing(named, body);
    CHECK(counter.passes() == 1);
    CHECK(log.text() == "body close closed");
  });
}

TEST_CASE("with_closing closes when the body's result throws on its way", "[flow][with_closing]") {
  int failures = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int last = 1;; ++last) {
      event_log log;
      int moves_left = last;
      const auto body = [&](door&) -> weft::task<throws_when_moved> { co_return throws_when_moved(moves_left); };
      const auto outcome = co_await weft::outcome_of(weft::with_closing(door(log, false), body));
      CHECK(log.text() == "close closed");
      if (moves_left > 0) break;
      CHECK_THROWS_WITH(outcome.value(), "moved");
      ++failures;
    }
  });
  CHECK(failures >= 2);
}

TEST_CASE("an exception of close() replaces that of the body", "[flow][with_closing]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [](door&) -> weft::task<int> { throw std::runtime_error("broken"); };
    const auto outcome = co_await weft::outcome_of(weft::with_closing(door(log, true), body));
    CHECK_THROWS_WITH(outcome.value(), "stuck");
  });
}

TEST_CASE("a cancellation while it closes cancels the closing", "[flow][with_closing]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [](ints& all) -> weft::task<> { co_await all.next(); };
    auto running = weft::create_task(weft::with_closing(counted(log), body));
    co_await weft::sleep_for(1ms);
    running.cancel();
    const auto outcome = co_await weft::outcome_of(running);
    CHECK(outcome.cancelled());
    CHECK(log.text() == "gone");
  });
}

TEST_CASE("thing and body live until it is closed, and are destroyed once", "[flow][with_closing]") {
  event_log log;
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [kept = tracked(counts), &counts](ints& all) -> weft::task<int> {
      co_await all.next();
      co_await weft::yield();
      co_return counts.alive;
    };
    const int alive = co_await weft::with_closing(counted(log), body);
    CHECK(alive == 2);
    CHECK(counts.alive == 1);
  });
  CHECK(counts.alive == 0);
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    const auto body = [kept = tracked(counts)](ints& all) -> weft::task<> {
      co_await all.next();
      co_await weft::sleep_for(1h);
    };
    loop.create_task(weft::with_closing(counted(log), body));
    loop.call_later(1ms, [&] { loop.stop(); });
    loop.run_forever();
  }
  CHECK(counts.alive == 0);
}

}  // namespace flow_with_closing_test
