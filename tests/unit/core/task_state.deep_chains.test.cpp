// Stress tests: chains of coroutines and of tasks so long that anything which recurses along them would overflow the
// stack.
// SPDX-License-Identifier: MIT
//
// Everything runs on a stack of 2 MiB instead of the usual 8. Sanitizers make coroutines and throwing five to ten times
// slower, so the chains are shorter there: never below 100,000, at which a recursion overflows any such stack many
// times over.
#include "support/catch.hpp"
#include "support/small_stack.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_TESTS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEFT_TESTS_SANITIZED 1
#endif
#endif
#ifndef WEFT_TESTS_SANITIZED
#define WEFT_TESTS_SANITIZED 0
#endif

namespace core_task_state_deep_chains_test {

using namespace std::chrono_literals;
using weft_test::census;
using weft_test::on_small_stack;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

#if defined(__OPTIMIZE__)
constexpr bool optimized = true;
#else
constexpr bool optimized = false;
#endif
constexpr bool sanitized = WEFT_TESTS_SANITIZED == 1;

constexpr int completions = optimized && !sanitized ? 10'000'000 : 1'000'000;
constexpr int nested = sanitized ? 500'000 : 1'000'000;
constexpr int nested_and_cancelled = sanitized ? 200'000 : 1'000'000;  // each level throws: microseconds
constexpr int nested_and_failing = 200'000;
constexpr int tasks_in_a_row = 100'000;

weft::task<int> immediate(int n) { co_return n; }

// `depth` coroutines that await each other; the innermost one sleeps for long or, if asked to, fails after a pass.
weft::task<int> descend(int depth, bool fail, bool sleep) {
  if (depth > 0) co_return 1 + co_await descend(depth - 1, fail, sleep);
  if (sleep) {
    co_await weft::sleep_for(1h);
  } else {
    co_await weft::yield();
  }
  if (fail) throw std::runtime_error("from the leaf");
  co_return 1;
}

TEST_CASE("millions of awaits that complete at once need no stack", "[core][deep]") {
  const weft_test::time_limit limit(120);
  const long long sum = on_small_stack([] {
    long long total = 0;
    run_on_virtual_time([&]() -> weft::task<> {
      for (int i = 0; i < completions; ++i) total += co_await immediate(1);
      auto done = weft::create_task(immediate(1));
      co_await done;
      for (int i = 0; i < completions; ++i) total += co_await done;
    });
    return total;
  });
  CHECK(sum == 2LL * completions);
}

TEST_CASE("a chain of nested awaits grows, returns and fails without recursion", "[core][deep]") {
  const weft_test::time_limit limit(120);
  SECTION("its result comes back through all of it") {
    CHECK(on_small_stack([] {
            int depth = 0;
            run_on_virtual_time([&]() -> weft::task<> { depth = co_await descend(nested, false, false); });
            return depth;
          }) == nested + 1);
  }
  SECTION("an exception comes back through all of it") {
    CHECK(on_small_stack([] {
      bool caught = false;
      run_on_virtual_time([&]() -> weft::task<> {
        try {
          co_await descend(nested_and_failing, true, false);
        } catch (const std::runtime_error&) {
          caught = true;
        }
      });
      return caught;
    }));
  }
}

TEST_CASE("a chain of nested awaits is cancelled without recursion", "[core][deep]") {
  const weft_test::time_limit limit(120);
  CHECK(on_small_stack([] {
    bool cancelled = false;
    run_on_virtual_time([&]() -> weft::task<> {
      auto t = weft::create_task(descend(nested_and_cancelled, false, true));
      co_await weft::yield();
      t.cancel();
      co_await weft::yield();
      cancelled = t.cancelled();
    });
    return cancelled;
  }));
}

// Each frame of the chain holds an object, so that a frame that is forgotten is noticed.
weft::task<> descend_with(int depth, tracked object) {
  if (depth > 0) {
    co_await descend_with(depth - 1, object);
  } else {
    co_await weft::sleep_for(1h);
  }
}

TEST_CASE("a loop is destroyed over a chain of nested awaits without recursion", "[core][deep]") {
  const weft_test::time_limit limit(120);
  const auto [during, after] = on_small_stack([] {
    census counts;
    int alive = 0;
    {
      weft::virtual_clock time;
      weft::event_loop loop({.clock = &time});
      loop.set_exception_handler([](const weft::exception_context&) {});
      loop.create_task(descend_with(nested, tracked(counts)));
      loop.stop();
      loop.run_forever();
      alive = counts.alive;
    }
    return std::pair(alive, counts.alive);
  });
  CHECK(during > nested);
  CHECK(after == 0);
}

// A row of tasks: the first sleeps, each of the others waits for the one before, by its handle or through a gather.
enum class through { handle, gather };
weft::task<> wait_for(weft::task_handle<> target, through how, tracked) {
  if (!target) {
    co_await weft::sleep_for(1h);
  } else if (how == through::handle) {
    co_await target;
  } else {
    co_await weft::gather(target);
  }
}
weft::task_handle<> make_row(weft::event_loop& loop, through how, census& counts) {
  weft::task_handle<> last;
  for (int i = 0; i < tasks_in_a_row; ++i) last = loop.create_task(wait_for(last, how, tracked(counts)));
  return last;
}

TEST_CASE("a long row of tasks that await each other is cancelled from its head to its end", "[core][deep]") {
  const weft_test::time_limit limit(120);
  for (const through how : {through::handle, through::gather}) {
    const auto [cancelled, alive] = on_small_stack([how] {
      census counts;
      bool head_cancelled = false;
      run_on_virtual_time([&]() -> weft::task<> {
        auto head = make_row(weft::event_loop::current(), how, counts);
        co_await weft::yield();
        head.cancel();
        try {
          co_await head;
        } catch (const weft::cancelled_error&) {
        }
        head_cancelled = head.cancelled() && weft::all_tasks().size() == 1;
      });
      return std::pair(head_cancelled, counts.alive);
    });
    CHECK(cancelled);
    CHECK(alive == 0);
  }
}

// Makes such a row on a loop of its own, and lets it finish or destroys it: whether its head was done then, and what is
// left.
std::pair<bool, int> end_row(through how, bool finish) {
  return on_small_stack([how, finish] {
    census counts;
    bool done = false;
    {
      weft::virtual_clock time;
      weft::event_loop loop({.clock = &time});
      loop.set_exception_handler([](const weft::exception_context&) {});
      weft::task_handle<> head = make_row(loop, how, counts);
      if (finish) {
        loop.run_until_complete(head);
      } else {
        loop.stop();
        loop.run_forever();
      }
      done = head.done();
    }
    return std::pair(done, counts.alive);
  });
}

TEST_CASE("a long row of tasks that await each other wakes from its end to its head", "[core][deep]") {
  const weft_test::time_limit limit(120);
  CHECK(end_row(through::handle, true) == std::pair(true, 0));
  CHECK(end_row(through::gather, true) == std::pair(true, 0));
}

TEST_CASE("a loop is destroyed over a long row of tasks that await each other", "[core][deep]") {
  const weft_test::time_limit limit(120);
  CHECK(end_row(through::handle, false) == std::pair(false, 0));
  CHECK(end_row(through::gather, false) == std::pair(false, 0));
}

TEST_CASE("a long circle of tasks is a deadlock, and is broken by cancelling one of them", "[core][deep]") {
  const weft_test::time_limit limit(120);
  for (const through how : {through::handle, through::gather}) {
    const auto [done, alive] = on_small_stack([how] {
      census counts;
      bool all_done = false;
      run_on_virtual_time([&]() -> weft::task<> {
        weft::task_handle<> head;
        auto closes = [&](tracked) -> weft::task<> {
          if (how == through::handle) {
            co_await head;
          } else {
            co_await weft::gather(head);
          }
        };
        weft::task_handle<> first = weft::create_task(closes(tracked(counts)));
        head = first;
        for (int i = 0; i < tasks_in_a_row; ++i) head = weft::create_task(wait_for(head, how, tracked(counts)));
        co_await weft::yield();
        first.cancel();
        co_await weft::sleep_for(1ms);
        all_done = weft::all_tasks().size() == 1;
      });
      return std::pair(all_done, counts.alive);
    });
    CHECK(done);
    CHECK(alive == 0);
  }
}

TEST_CASE("a gather of very many tasks is cancelled, and destroyed, without recursion", "[core][deep]") {
  const weft_test::time_limit limit(120);
  for (const bool cancel : {true, false}) {
    const auto [during, after] = on_small_stack([cancel] {
      census counts;
      int alive = 0;
      {
        weft::virtual_clock time;
        weft::event_loop loop({.clock = &time});
        loop.set_exception_handler([](const weft::exception_context&) {});
        auto body = [&]() -> weft::task<> {
          std::vector<weft::task<>> all;
          for (int i = 0; i < tasks_in_a_row; ++i) all.push_back(wait_for({}, through::handle, tracked(counts)));
          co_await weft::gather(std::move(all));
        };
        auto t = loop.create_task(body());
        loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
        loop.run_forever();
        alive = counts.alive;
        if (cancel) {
          t.cancel();
          try {
            loop.run_until_complete(t);
          } catch (const weft::cancelled_error&) {
          }
        }
      }
      return std::pair(alive, counts.alive);
    });
    CHECK(during == tasks_in_a_row);
    CHECK(after == 0);
  }
}

}  // namespace core_task_state_deep_chains_test
