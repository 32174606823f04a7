// Tests of weft/flow/async_generator.hpp: how generators are closed: by close(), when they are dropped, at the end of
// run().
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace flow_async_generator_close_test {

using namespace std::chrono_literals;
using weft::async_generator;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

// Yields for ever; says how it ends, and cleans up for `clean_up`.
async_generator<int> open_ended(event_log& log, std::chrono::milliseconds clean_up = 0ms) {
  const says_goodbye guard(log, "gone");
  try {
    for (int n = 0;; ++n) co_yield n;
  } catch (const weft::generator_exit&) {
    log("exit");
  }
  if (clean_up == 0ms) co_return;
  try {
    co_await weft::sleep_for(clean_up);
    log("cleaned");
  } catch (const weft::cancelled_error&) {
    log("cancelled");
    throw;
  }
}

// ---- close() ----

TEST_CASE("close() throws generator_exit at the co_yield, and waits for what follows", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto g = open_ended(log, 10ms);
    co_await g.next();
    co_await g.close();
    CHECK(log.text() == "exit cleaned gone");
    CHECK(now_ms() == 10);
    const auto none = co_await g.next();
    CHECK(none == std::nullopt);
    co_await g.close();
    CHECK(log.text() == "exit cleaned gone");
  });
}

TEST_CASE("close() takes no pass unless the body waits", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto g = open_ended(log);
    co_await g.next();
    weft_test::pass_counter counter;
    co_await g.close();
    CHECK(counter.passes() == 0);
    CHECK(log.text() == "exit gone");
  });
}

TEST_CASE("a body that lets generator_exit pass is closed without an exception", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> async_generator<int> {
      const says_goodbye guard(log, "unwound");
      try {
        co_yield 1;
      } catch (const std::exception&) {
        log("never");
      }
      log("never");
    };
    auto g = body();
    co_await g.next();
    co_await g.close();
    CHECK(log.text() == "unwound");
  });
}

TEST_CASE("a generator that has not begun closes without running", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&](says_goodbye) -> async_generator<int> {
      log("never");
      co_yield 1;
    };
    auto g = body(says_goodbye(log, "parameter"));
    co_await g.close();
    CHECK(log.text() == "parameter");
    const auto none = co_await g.next();
    CHECK(none == std::nullopt);
    { auto dropped = body(says_goodbye(log, "parameter")); }
    CHECK(log.text() == "parameter parameter");
  });
}

TEST_CASE("a generator that has ended can be closed, once and again", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = []() -> async_generator<int> { co_yield 1; };
    auto g = body();
    while (auto n = co_await g.next()) CHECK(*n == 1);
    co_await g.close();
    co_await g.close();
  });
}

TEST_CASE("an exception of the clean-up arrives at close()", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = []() -> async_generator<int> {
      try {
        co_yield 1;
      } catch (const weft::generator_exit&) {
        throw std::runtime_error("from the clean-up");
      }
    };
    auto g = body();
    co_await g.next();
    const auto outcome = co_await weft::outcome_of(g.close());
    CHECK_THROWS_WITH(outcome.value(), "from the clean-up");
  });
}

TEST_CASE("a body that yields when it is closed is told so, and can go on", "[flow][async_generator]") {
  weft_test::census counts;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&](tracked) -> async_generator<int> {
      const says_goodbye guard(log, "gone");
      try {
        co_yield 1;
      } catch (const weft::generator_exit&) {
        log("exit");
      }
      co_await weft::sleep_for(1ms);
      co_yield 2;
      co_yield 3;
    };
    {
      auto g = body(tracked(counts));
      co_await g.next();
      const auto outcome = co_await weft::outcome_of(g.close());
      CHECK_THROWS_AS(outcome.value(), weft::usage_error);
      CHECK_THROWS_WITH(outcome.value(), contains("ignored generator_exit"));
      const auto third = co_await g.next();
      CHECK(third == 3);
      co_await g.close();  // once only
      CHECK(log.text() == "exit");
    }
    CHECK(log.text() == "exit gone");  // destroyed: it had its chance
    CHECK(counts.alive == 0);
  });
}

TEST_CASE("a task that is cancelled while it closes a generator is cancelled in the clean-up",
          "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto g = open_ended(log, 1h);
    co_await g.next();
    const auto close = [&]() -> weft::task<> { co_await g.close(); };
    auto closing = weft::create_task(close);
    co_await weft::yield();
    closing.cancel();
    const auto outcome = co_await weft::outcome_of(closing);
    CHECK(outcome.cancelled());
    CHECK(log.text() == "exit cancelled gone");
  });
}

TEST_CASE("a clean-up may wait for a task that fails", "[flow][async_generator]") {
  bool caught = false;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto target = []() -> weft::task<> {
      co_await weft::sleep_for(1ms);
      throw std::runtime_error("broken");
    };
    const auto body = [&]() -> async_generator<int> {
      auto running = weft::create_task(target);
      try {
        co_yield 1;
      } catch (const weft::generator_exit&) {
      }
      try {
        co_await running;
      } catch (const std::runtime_error&) {
        caught = true;
      }
    };
    auto g = body();
    co_await g.next();
    co_await g.close();
  });
  CHECK(caught);
}

// ---- dropped ----

TEST_CASE("a generator that is dropped at a co_yield is closed at once", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      auto g = open_ended(log);
      co_await g.next();
    }
    CHECK(log.text() == "exit gone");
    CHECK(weft::all_tasks().size() == 1);
  });
}

TEST_CASE("what a dropped generator refers to is still there for what it does without waiting",
          "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft_test::census counts;
    const auto use = [&]() -> weft::task<> {
      auto owned = std::make_unique<tracked>(counts);
      const auto body = [&]() -> async_generator<int> {
        try {
          for (;;) co_yield 1;
        } catch (const weft::generator_exit&) {
          CHECK(counts.alive == 1);
          owned.reset();
          throw;
        }
      };
      auto g = body();
      co_await g.next();
      throw std::runtime_error("on the way out");
    };
    const auto outcome = co_await weft::outcome_of(use());
    CHECK_THROWS_WITH(outcome.value(), "on the way out");
    CHECK(counts.alive == 0);
  });
}

TEST_CASE("clean-up that waits goes on in a task of its own, which the loop owns", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    {
      auto g = open_ended(log, 10ms);
      co_await g.next();
    }
    CHECK(log.text() == "exit");
    CHECK(weft::all_tasks().size() == 2);
    co_await weft::sleep_for(20ms);
    CHECK(log.text() == "exit cleaned gone");
    CHECK(weft::all_tasks().size() == 1);
  });
}

TEST_CASE("run() waits for the clean-up of a dropped generator, which it cancels as any task",
          "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto g = open_ended(log, 1h);
    co_await g.next();
  });
  CHECK(log.text() == "exit cancelled gone");
}

TEST_CASE("the closing of a dropped generator does not disturb the task that drops it", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto me = weft::current_task();
    weft::task_ref closer;
    const auto body = [&]() -> async_generator<int> {
      try {
        for (;;) co_yield 1;
      } catch (const weft::generator_exit&) {
        closer = weft::current_task();
      }
      co_await weft::yield();
      log("closed");
    };
    auto g = body();
    co_await g.next();
    g = {};
    CHECK(weft::current_task() == me);
    CHECK(closer != me);
    CHECK(log.text().empty());
    co_await weft::yield();
    co_await weft::yield();
    CHECK(log.text() == "closed");
    CHECK(closer.done());
  });
}

TEST_CASE("a dropped generator that fails, or yields again, is reported", "[flow][async_generator]") {
  reports told;
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    const auto fails = []() -> async_generator<int> {
      try {
        co_yield 1;
      } catch (const weft::generator_exit&) {
        throw std::runtime_error("from the clean-up");
      }
    };
    const auto yields = [](tracked) -> async_generator<int> {
      for (;;) {
        try {
          co_yield 1;
        } catch (const weft::generator_exit&) {
        }
      }
    };
    {
      auto f = fails();
      co_await f.next();
      auto y = yields(tracked(counts));
      co_await y.next();
    }
    CHECK(counts.alive == 0);
  });
  CHECK(told.text() ==
        "Task exception was never retrieved: 'Task-2': weft: the async generator ignored generator_exit: it yielded "
        "when it was to be closed | Task exception was never retrieved: 'Task-3': from the clean-up");
}

TEST_CASE("generators inside of a dropped one are closed, too", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto outer = [&]() -> async_generator<int> {
      const says_goodbye guard(log, "outer");
      auto inner = open_ended(log);
      while (auto n = co_await inner.next()) co_yield *n;
    };
    {
      auto g = outer();
      co_await g.next();
    }
    CHECK(log.text() == "exit gone outer");
  });
}

TEST_CASE("a generator that is dropped while another task runs it ends its step, and is closed then",
          "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> async_generator<int> {
      const says_goodbye guard(log, "gone");
      for (int n = 0;; ++n) {
        co_await weft::sleep_for(1ms);
        co_yield n;
      }
    };
    auto g = std::make_unique<async_generator<int>>(body());
    const auto use = [](async_generator<int>& of) -> weft::task<int> {
      const auto n = co_await of.next();
      co_return *n;
    };
    auto waiting = weft::create_task(use(*g));
    co_await weft::yield();
    g = nullptr;
    CHECK(log.text().empty());
    const int n = co_await waiting;
    CHECK(n == 0);
    CHECK(log.text() == "gone");
    g = std::make_unique<async_generator<int>>(open_ended(log, 5ms));
    co_await g->next();
    const auto close = [](async_generator<int>& of) -> weft::task<> { co_await of.close(); };
    auto closing = weft::create_task(close(*g));
    co_await weft::yield();
    g = nullptr;
    co_await closing;
    CHECK(log.text() == "gone exit cleaned gone");
  });
}

TEST_CASE("a generator that moves is closed once, by its last owner", "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto g = open_ended(log);
    co_await g.next();
    {
      auto moved = std::move(g);
      co_await moved.next();
      g = std::move(moved);
    }
    CHECK(log.text().empty());
    async_generator<int>& self = g;
    g = std::move(self);
    const auto n = co_await g.next();
    CHECK(n == 2);
    g = open_ended(log);
    CHECK(log.text() == "exit gone");
  });
  CHECK(log.text() == "exit gone");
}

TEST_CASE("a generator that is dropped where its loop does not run is destroyed", "[flow][async_generator]") {
  event_log log;
  const auto step = [](async_generator<int>& g) -> weft::task<> { co_await g.next(); };
  {
    weft::event_loop loop;
    auto between = open_ended(log, 1ms);
    loop.run_until_complete(step(between));
    between = {};
    CHECK(log.text() == "gone");
  }
  log.clear();
  auto later = open_ended(log, 1ms);
  {
    weft::event_loop loop;
    loop.run_until_complete(step(later));
  }
  later = {};
  CHECK(log.text() == "gone");
  log.clear();
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    loop.create_task([&]() -> weft::task<> {
      auto g = open_ended(log, 1ms);
      co_await g.next();
      co_await weft::sleep_for(1h);
    });
    loop.call_later(1ms, [&] { loop.stop(); });
    loop.run_forever();
  }
  CHECK(log.text() == "gone");
}

TEST_CASE("a dropped generator for which there is no memory for a task is destroyed", "[flow][async_generator]") {
  if (!weft_test::counts_allocations || WEFT_FRAME_POOL) return;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto g = open_ended(log, 1ms);
    co_await g.next();
    {
      const weft_test::out_of_memory failing;
      g = {};
    }
    CHECK(log.text() == "gone");
  });
}

// ---- left at the end ----

TEST_CASE("run() closes the generators that are left, and waits for them", "[flow][async_generator]") {
  event_log log;
  auto left = open_ended(log, 1h);
  auto ended = open_ended(log);
  auto unstarted = open_ended(log);
  run_on_virtual_time([&]() -> weft::task<> {
    co_await left.next();
    co_await ended.next();
    co_await ended.close();
    log("main");
  });
  CHECK(log.text() == "exit gone main exit cleaned gone");
  run_on_virtual_time([&]() -> weft::task<> {
    const auto none = co_await left.next();
    CHECK(none == std::nullopt);
  });
}

TEST_CASE("run() ends tasks first, then closes generators, and tasks that those start", "[flow][async_generator]") {
  event_log log;
  const auto starts = [&]() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const weft::generator_exit&) {
      log("exit");
    }
    const auto spins = [](event_log& said) -> weft::task<> {
      const says_goodbye guard(said, "task");
      co_await weft::sleep_for(1h);
    };
    weft::create_task(spins(log));
    co_await weft::sleep_for(1ms);
  };
  auto left = starts();
  run_on_virtual_time([&]() -> weft::task<> {
    const auto uses = [&]() -> weft::task<> {
      const says_goodbye guard(log, "user");
      co_await left.next();
      co_await weft::sleep_for(1h);
    };
    weft::create_task(uses);
    co_await weft::sleep_for(1ms);
    log("main");
  });
  CHECK(log.text() == "main user exit task");
}

TEST_CASE("an exception of a generator that run() closes is reported", "[flow][async_generator]") {
  reports told;
  const auto body = []() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const weft::generator_exit&) {
      throw std::runtime_error("from the clean-up");
    }
  };
  auto left = body();
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    co_await left.next();
  });
  CHECK(told.text() == "an error occurred during closing of an async generator: 'Task-3': from the clean-up");
}

TEST_CASE("shutdown_asyncgens closes all that have begun on a loop, at the same time", "[flow][async_generator]") {
  event_log log;
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto first = open_ended(log, 10ms);
    auto second = open_ended(log, 10ms);
    auto unstarted = open_ended(log, 10ms);
    co_await first.next();
    co_await second.next();
    co_await weft::shutdown_asyncgens();
    CHECK(now_ms() == 10);
    CHECK(log.text() == "exit exit cleaned gone cleaned gone");
    co_await weft::shutdown_asyncgens();
    CHECK(now_ms() == 10);
    co_await unstarted.next();
    co_await unstarted.close();
  });
  CHECK(told.count() == 0);
}

TEST_CASE("shutdown_asyncgens reports a generator that runs, and leaves it alone", "[flow][async_generator]") {
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    const auto body = []() -> async_generator<int> {
      co_await weft::sleep_for(1ms);
      co_yield 7;
    };
    auto g = body();
    const auto use = [&]() -> weft::task<int> {
      const auto n = co_await g.next();
      co_return *n;
    };
    auto waiting = weft::create_task(use);
    co_await weft::yield();
    co_await weft::shutdown_asyncgens();
    const int n = co_await waiting;
    CHECK(n == 7);
  });
  CHECK_THAT(told.text(), contains("an error occurred during closing of an async generator: 'Task-3': weft: close(): "
                                   "the async generator is already running"));
}

TEST_CASE("a generator that never ends its clean-up is a deadlock", "[flow][async_generator]") {
  const auto body = []() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const weft::generator_exit&) {
    }
    for (;;) {
      weft::future<int> never;
      try {
        co_await never;
      } catch (const weft::cancelled_error&) {
      }
    }
  };
  auto left = body();
  CHECK_THROWS_AS(run_on_virtual_time([&]() -> weft::task<> {
                    weft::event_loop::current().set_exception_handler([](const weft::exception_context&) {});
                    co_await left.next();
                  }),
                  weft::deadlock_error);
}

}  // namespace flow_async_generator_close_test
