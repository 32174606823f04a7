// Tests of weft/flow/async_generator.hpp: next(), what is yielded, exceptions, cancellation and destruction inside of
// the body.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/async_generator.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/generator.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/race.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace flow_async_generator_test {

using namespace std::chrono_literals;
using weft::async_generator;
using weft_test::contains;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

using ints = std::vector<int>;

async_generator<int> ticks(int n, std::chrono::milliseconds period = 1ms) {
  for (int i = 0; i < n; ++i) {
    co_await weft::sleep_for(period);
    co_yield i;
  }
}

async_generator<int> up_to(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
}

weft::task<ints> all_of(async_generator<int> g) {
  ints all;
  while (auto n = co_await g.next()) all.push_back(*n);
  co_return all;
}

template <class T>
weft::task<> next_of(async_generator<T>& g) {
  co_await g.next();
}

// ---- next() ----

TEST_CASE("an async generator gives its values one by one, and then nothing", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto g = ticks(3);
    CHECK(now_ms() == 0);
    const std::optional<int> first = co_await g.next();
    CHECK(first == 0);
    CHECK(now_ms() == 1);
    const ints rest = co_await all_of(std::move(g));
    CHECK(rest == ints{1, 2});
    CHECK(now_ms() == 3);
    g = up_to(0);
    for (int i = 0; i < 3; ++i) {
      const std::optional<int> none = co_await g.next();
      CHECK(none == std::nullopt);
    }
    CHECK(static_cast<bool>(g));
  });
}

TEST_CASE("the body runs in the task that awaits, and takes no pass unless it waits", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::task_ref seen;
    const auto body = [&]() -> async_generator<int> {
      for (int i = 0; i < 3; ++i) {
        seen = weft::current_task();
        co_yield i;
      }
      co_await weft::yield();
      co_yield 3;
    };
    auto g = body();
    weft_test::pass_counter counter;
    for (int i = 0; i < 3; ++i) co_await g.next();
    CHECK(counter.passes() == 0);
    CHECK(seen == weft::current_task());
    const auto last = co_await g.next();
    CHECK(last == 3);
    CHECK(counter.passes() == 1);
    const auto other = [&]() -> weft::task<bool> {
      const auto none = co_await g.next();
      co_return !none;
    };
    const bool ended = co_await weft::create_task(other);
    CHECK(ended);
  });
}

TEST_CASE("next() does nothing before it is awaited", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto g = up_to(2);
    {
      auto unused = g.next();
      static_cast<void>(unused);
    }
    const auto first = co_await g.next();
    CHECK(first == 0);
  });
}

TEST_CASE("a body can await all that a task can, other async generators, too", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto square = [](int n) -> weft::task<int> {
      co_await weft::sleep_for(1ms);
      co_return n* n;
    };
    const auto squares = [&](int n) -> async_generator<int> {
      auto numbers = ticks(n);
      while (auto i = co_await numbers.next()) co_yield co_await square(*i);
      auto [a, b] = co_await weft::gather(square(10), square(11));
      co_yield a;
      co_yield b;
      int started = co_await weft::create_task(square(12));
      co_yield started;
    };
    const ints all = co_await all_of(squares(3));
    CHECK(all == ints{0, 1, 4, 100, 121, 144});
  });
}

TEST_CASE("next() is an operation like any other", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto fast = ticks(2, 1ms);
    auto slow = ticks(2, 1h);
    const auto [a, b] = co_await weft::gather(fast.next(), up_to(1).next());
    CHECK((a == 0 && b == 0));
    const auto first = co_await weft::race(slow.next(), fast.next());
    CHECK(first.index() == 1);
    const auto none = co_await slow.next();  // the race has cancelled, and so ended it
    CHECK(none == std::nullopt);
    auto late = ticks(1, 1h);
    const auto outcome = co_await weft::outcome_of(weft::with_timeout(5ms, late.next()));
    CHECK_THROWS_AS(outcome.value(), weft::timeout_error);
  });
}

// ---- values and references ----

TEST_CASE("an async generator gives copies, what only moves, and references", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::string kept = "kept, and long enough to need memory";
    const auto texts = [&]() -> async_generator<std::string> {
      co_yield "made";
      co_yield kept;
    };
    auto t = texts();
    const auto made = co_await t.next();
    const auto copied = co_await t.next();
    CHECK((made == "made" && copied == kept));
    const auto owners = []() -> async_generator<std::unique_ptr<int>> {
      co_yield std::make_unique<int>(1);
      auto named = std::make_unique<int>(2);
      co_yield std::move(named);
    };
    auto o = owners();
    int sum = 0;
    while (auto owner = co_await o.next()) sum += **owner;
    CHECK(sum == 3);
    ints numbers{1, 2};
    const auto references = [&]() -> async_generator<int&> {
      for (int& n : numbers) co_yield n;
    };
    auto r = references();
    while (auto n = co_await r.next()) n->get() *= 10;
    CHECK(numbers == ints{10, 20});
    const auto constants = [&]() -> async_generator<const std::string&> {
      co_yield kept;
      co_yield "temporary, and long enough to need memory";
    };
    auto c = constants();
    std::string joined;
    while (auto s = co_await c.next()) joined += s->get();
    CHECK(joined == kept + "temporary, and long enough to need memory");
  });
}

TEST_CASE("what is yielded is destroyed once, taken or not", "[flow][async_generator]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> async_generator<tracked> {
      co_yield tracked(counts);
      const tracked named(counts);
      co_yield named;
      co_yield tracked(counts);
    };
    {
      auto g = body();
      while (auto t = co_await g.next()) static_cast<void>(t);
    }
    CHECK(counts.alive == 0);
    {
      auto g = body();
      co_await g.next();
      co_await g.next();
    }
    CHECK(counts.alive == 0);
  });
}

TEST_CASE("a copy that fails is an exception at the co_yield of an async generator", "[flow][async_generator]") {
  struct refuses {
    refuses() = default;
    refuses(const refuses&) { throw std::runtime_error("no copy"); }
    refuses(refuses&&) = default;
  };
  run_on_virtual_time([]() -> weft::task<> {
    bool caught = false;
    const auto body = [&]() -> async_generator<refuses> {
      const refuses one;
      try {
        co_yield one;
      } catch (const std::runtime_error&) {
        caught = true;
      }
      co_yield refuses();
    };
    auto g = body();
    const auto item = co_await g.next();
    CHECK(item.has_value());
    CHECK(caught);
  });
}

// ---- exceptions, misuse ----

TEST_CASE("an exception of the body arrives at the next(), and ends the generator", "[flow][async_generator]") {
  weft_test::census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [](tracked) -> async_generator<int> {
      co_yield 123;
      co_await weft::sleep_for(1ms);
      throw std::runtime_error("broken");
    };
    auto g = body(tracked(counts));
    co_await g.next();
    const auto outcome = co_await weft::outcome_of(next_of(g));
    CHECK_THROWS_WITH(outcome.value(), "broken");
    CHECK(counts.alive == 0);  // the coroutine has gone, and its parameters
    const auto none = co_await g.next();
    CHECK(none == std::nullopt);
  });
}

TEST_CASE("a generator_exit that is the body's own is an exception like any other", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = []() -> async_generator<int> {
      co_yield 1;
      throw weft::generator_exit();
    };
    auto g = body();
    co_await g.next();
    const auto outcome = co_await weft::outcome_of(next_of(g));
    CHECK_THROWS_AS(outcome.value(), weft::generator_exit);
  });
}

TEST_CASE("two next() at once are an error, and the first one goes on", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto g = ticks(2);
    auto first = weft::create_task([&]() -> weft::task<int> {
      const auto n = co_await g.next();
      co_return *n;
    });
    co_await weft::yield();
    const auto second = co_await weft::outcome_of(next_of(g));
    CHECK_THROWS_WITH(second.value(), contains("next(): the async generator is already running"));
    const auto closing = co_await weft::outcome_of(g.close());
    CHECK_THROWS_WITH(closing.value(), contains("close(): the async generator is already running"));
    const int n = co_await std::move(first);
    CHECK(n == 0);
    const auto last = co_await g.next();
    CHECK(last == 1);
  });
}

TEST_CASE("a body that awaits its own next() gets an error", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    async_generator<int> g;
    const auto body = [&]() -> async_generator<int> {
      const auto own = co_await weft::outcome_of(g.next());
      CHECK_THROWS_AS(own.value(), weft::usage_error);
      co_yield 1;
    };
    g = body();
    const auto n = co_await g.next();
    CHECK(n == 1);
  });
}

TEST_CASE("an empty async generator says so", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto g = up_to(1);
    auto moved = std::move(g);
    CHECK_FALSE(static_cast<bool>(g));
    const auto next = co_await weft::outcome_of(next_of(g));
    CHECK_THROWS_AS(next.value(), weft::invalid_state_error);
    const auto close = co_await weft::outcome_of(g.close());
    CHECK_THROWS_AS(close.value(), weft::invalid_state_error);
    const auto n = co_await moved.next();
    CHECK(n == 0);
  });
}

TEST_CASE("a generator that has begun on one loop is refused on another, and free once that has gone",
          "[flow][async_generator]") {
  auto g = up_to(3);
  weft::event_loop other;
  {
    weft::event_loop first;
    first.run_until_complete(next_of(g));
    CHECK_THROWS_AS(other.run_until_complete(next_of(g)), weft::usage_error);
  }
  other.run_until_complete([&]() -> weft::task<> {
    const auto n = co_await g.next();
    CHECK(n == 1);
  });
}

TEST_CASE("std::bad_alloc at the first next(): nothing has changed", "[flow][async_generator]") {
  if (!weft_test::counts_allocations) return;
  run_on_virtual_time([]() -> weft::task<> {
    auto g = up_to(2);
    auto step = next_of(g);
    weft::outcome<> refused;
    {
      const weft_test::out_of_memory failing;
      refused = co_await weft::outcome_of(std::move(step));
    }
    CHECK_THROWS_AS(refused.value(), std::bad_alloc);
    const auto n = co_await g.next();
    CHECK(n == 0);
  });
}

// ---- cancellation ----

TEST_CASE("a task that is cancelled while the body waits gets cancelled_error inside of the body",
          "[flow][async_generator]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto body = [&]() -> async_generator<int> {
      const says_goodbye guard(log, "body");
      co_yield 1;
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        log("cancelled");
        throw;
      }
    };
    auto g = body();
    co_await g.next();
    const auto use = [&]() -> weft::task<> {
      const says_goodbye guard(log, "outer");
      co_await g.next();
      log("never");
    };
    auto waiting = weft::create_task(use);
    co_await weft::sleep_for(1ms);
    waiting.cancel();
    const auto outcome = co_await weft::outcome_of(waiting);
    CHECK(outcome.cancelled());
    CHECK(log.text() == "cancelled body outer");
    const auto none = co_await g.next();
    CHECK(none == std::nullopt);
  });
}

TEST_CASE("a body that handles cancelled_error may yield, and goes on", "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = []() -> async_generator<int> {
      for (int n = 0;; ++n) {
        try {
          co_await weft::sleep_for(1h);
        } catch (const weft::cancelled_error&) {
        }
        co_yield n;
      }
    };
    auto g = body();
    const auto use = [&]() -> weft::task<int> {
      const auto n = co_await g.next();
      co_return *n;
    };
    for (int i = 0; i < 2; ++i) {
      auto waiting = weft::create_task(use);
      co_await weft::yield();
      waiting.cancel();
      const int n = co_await waiting;
      CHECK(n == i);
    }
  });
}

TEST_CASE("a task that has asked itself to stop while it ran the body is cancelled at the next wait",
          "[flow][async_generator]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto body = []() -> async_generator<int> {
      weft::current_task().cancel();
      co_yield 1;
      co_await weft::sleep_for(1ms);
    };
    bool got = false;
    const auto use = [&]() -> weft::task<> {
      auto g = body();
      const auto n = co_await g.next();
      got = n == 1;
      co_await g.next();
    };
    const auto outcome = co_await weft::outcome_of(weft::create_task(use));
    CHECK(got);
    CHECK(outcome.cancelled());
  });
}

// ---- destruction ----

TEST_CASE("a chain is destroyed leaf first, through the bodies of generators, each once", "[flow][async_generator]") {
  event_log log;
  weft_test::census counts;
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    const auto child = [&]() -> weft::task<> {
      const says_goodbye guard(log, "child");
      co_await weft::sleep_for(1h);
    };
    const auto inner = [&](tracked) -> async_generator<int> {
      const says_goodbye guard(log, "inner");
      co_yield 1;
      co_await child();
    };
    const auto outer = [&](tracked) -> async_generator<int> {
      const says_goodbye guard(log, "outer");
      auto g = inner(tracked(counts));
      while (auto n = co_await g.next()) co_yield *n;
    };
    const auto use = [&]() -> weft::task<> {
      const says_goodbye guard(log, "task");
      auto g = outer(tracked(counts));
      co_await g.next();
      co_await g.next();
      log("never");
    };
    loop.create_task(use);
    loop.call_later(1ms, [&] { loop.stop(); });
    loop.run_forever();
    CHECK(counts.alive == 2);
  }
  CHECK(log.text() == "child inner outer task");
  CHECK(counts.alive == 0);
}

TEST_CASE("a chain may be destroyed that does not own the generator that runs in it", "[flow][async_generator]") {
  weft_test::census counts;
  const auto body = [](tracked) -> async_generator<int> {
    co_yield 1;
    co_await weft::sleep_for(1h);
  };
  auto g = body(tracked(counts));
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    const auto use = [&]() -> weft::task<> {
      co_await g.next();
      co_await g.next();
    };
    loop.create_task(use);
    loop.call_later(1ms, [&] { loop.stop(); });
    loop.run_forever();
    CHECK(counts.alive == 1);
  }
  CHECK(counts.alive == 0);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto none = co_await g.next();
    CHECK(none == std::nullopt);
  });
}

TEST_CASE("a chain of 10,000 generators that run is destroyed and cancelled", "[flow][async_generator][deep]") {
  weft_test::census counts;
  constexpr int depth = 10'000;
  std::function<async_generator<int>(int, tracked)> nest = [&](int n, tracked) -> async_generator<int> {
    if (n == 0) {
      co_await weft::sleep_for(1h);
      co_return;
    }
    auto inner = nest(n - 1, tracked(counts));
    while (auto item = co_await inner.next()) co_yield *item;
  };
  const auto use = [&]() -> weft::task<> {
    auto g = nest(depth, tracked(counts));
    co_await g.next();
  };
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    loop.create_task(use);
    loop.call_later(1ms, [&] { loop.stop(); });
    loop.run_forever();
    CHECK(counts.alive == depth + 1);
  }
  CHECK(counts.alive == 0);
  run_on_virtual_time([&]() -> weft::task<> {
    auto running = weft::create_task(use);
    co_await weft::sleep_for(1ms);
    running.cancel();
    const auto outcome = co_await weft::outcome_of(running);
    CHECK(outcome.cancelled());
  });
  CHECK(counts.alive == 0);
}

TEST_CASE("a deadlock report goes through the generators", "[flow][async_generator]") {
  weft::event never;
  const auto body = [&]() -> async_generator<int> {
    co_await never.wait();
    co_yield 1;
  };
  const auto use = [&]() -> weft::task<> {
    auto g = body();
    co_await g.next();
  };
  std::string said;
  try {
    run_on_virtual_time(use);
  } catch (const weft::deadlock_error& e) {
    said = e.what();
  }
  const std::string first = "async_generator.test.cpp:";
  CHECK(said.find(first) != std::string::npos);
  CHECK(said.find(first, said.find(first) + 1) != std::string::npos);
}

// ---- lambdas and arguments ----

TEST_CASE("make_async_generator keeps the function and its arguments, and closes what it made",
          "[flow][async_generator]") {
  weft_test::census counts;
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const auto make = [&] {
      const auto body = [kept = tracked(counts), n = 3, &log](const tracked&,
                                                              const std::string& text) -> async_generator<std::string> {
        bool closed = false;
        try {
          for (int i = 0; i < n; ++i) {
            co_await weft::sleep_for(1ms);
            co_yield text + std::to_string(i);
          }
        } catch (const weft::generator_exit&) {
          closed = true;
        }
        co_await weft::sleep_for(1ms);
        log(closed ? "closed" : "ended");
      };
      return weft::make_async_generator(body, tracked(counts), std::string("a text that needs memory, being long "));
    };
    auto g = make();
    std::string last;
    while (auto text = co_await g.next()) last = *text;
    CHECK(last == "a text that needs memory, being long 2");
    auto left = make();
    co_await left.next();
    co_await left.close();
    CHECK(log.text() == "ended closed");
    int number = 1;
    const auto references = [](int& n) -> async_generator<int&> { co_yield n; };
    auto r = weft::make_async_generator(references, std::ref(number));
    auto n = co_await r.next();
    CHECK(&n->get() == &number);
  });
  CHECK(counts.alive == 0);
}

TEST_CASE("a step allocates nothing", "[flow][async_generator]") {
  if (!weft_test::counts_allocations || !WEFT_FRAME_POOL) return;
  run_on_virtual_time([]() -> weft::task<> {
    auto g = up_to(1000);
    co_await g.next();
    const auto before = weft_test::allocations();
    int sum = 0;
    while (auto n = co_await g.next()) sum += *n;
    const auto after = weft_test::allocations();
    CHECK(after == before);
    CHECK(sum == 499'500);
  });
}

static_assert(std::is_nothrow_move_constructible_v<async_generator<int>>);
static_assert(!std::is_copy_constructible_v<async_generator<int>>);

}  // namespace flow_async_generator_test
