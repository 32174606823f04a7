// CPython's tests of asyncio.Barrier, for weft/sync/barrier.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/wait.hpp>
#include <weft/sync/barrier.hpp>
#include <weft/sync/yield.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

namespace asyncio_locks_barrier_test {

using weft_test::event_log;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

using numbers = std::vector<std::size_t>;

// Runs fn(), which returns a task, n times at once.
template <class F>
weft::task<> in_tasks(std::size_t n, F fn) {
  std::vector<weft::task<>> all;
  for (std::size_t i = 0; i < n; ++i) all.push_back(fn());
  co_await weft::gather(std::move(all));
}

// Whether it gets through; false if the barrier breaks or is reset.
weft::task<bool> passes(weft::barrier& b) {
  bool broken = false;
  try {
    co_await b.wait();
  } catch (const weft::broken_barrier_error&) {
    broken = true;
  }
  co_return !broken;
}

bool is_as_new(const weft::barrier& b) { return b.waiters() == 0 && !b.broken(); }

// CPython: locks BarrierTests.test_barrier
TEST_CASE("a barrier itself cannot be awaited, and wait() does nothing until it is", "[asyncio][locks]") {
  STATIC_REQUIRE_FALSE(weft::awaitable<weft::barrier&>);
  weft::barrier b(5);
  { [[maybe_unused]] const auto unawaited = b.wait(); }
  CHECK(is_as_new(b));
}

// CPython: locks BarrierTests.test_barrier_parties
TEST_CASE("a barrier needs at least one party", "[asyncio][locks]") {
  CHECK_THROWS_AS(weft::barrier(0), std::invalid_argument);
  CHECK(weft::barrier(5).parties() == 5);
}

// CPython: locks BarrierTests.test_context_manager
TEST_CASE("a barrier gives each of its parties another number, from zero on", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(3);
    numbers got;
    co_await in_tasks(3, [&]() -> weft::task<> {
      const std::size_t number = co_await b.wait();
      got.push_back(number);
    });
    CHECK(got == numbers{2, 0, 1});  // the last to come is the first to go
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_filling_one_task
TEST_CASE("a barrier for one lets him through at once", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(1);
    pass_counter counter;
    const std::size_t number = co_await b.wait();
    CHECK(number == 0);
    CHECK(counter.passes() == 0);
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_filling_one_task_twice
TEST_CASE("a barrier for one lets a second task through as it did the first", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(1);
    const auto first = weft::create_task(b.wait());
    co_await weft::yield();
    CHECK(b.waiters() == 0);
    const auto second = weft::create_task(b.wait());
    co_await weft::yield();
    REQUIRE(first.done());
    REQUIRE(second.done());
    CHECK(first.result() == second.result());
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_filling_task_by_task
TEST_CASE("a barrier counts those who wait until the last one comes", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(3);
    std::vector<weft::task_handle<std::size_t>> parties;
    for (std::size_t n = 1; n <= 2; ++n) {
      parties.push_back(weft::create_task(b.wait()));
      co_await weft::yield();
      CHECK(b.waiters() == n);
      CHECK_FALSE(b.broken());
    }
    parties.push_back(weft::create_task(b.wait()));
    co_await weft::yield();
    CHECK(b.waiters() == 0);
    co_await weft::wait(parties);
    for (const auto& party : parties) CHECK(party.done());
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_filling_tasks_wait_twice
TEST_CASE("a barrier can be passed by the same tasks again, and nobody gets a round ahead", "[asyncio][locks]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    weft::barrier b(3);
    co_await in_tasks(3, [&]() -> weft::task<> {
      co_await b.wait();
      log("1");
      co_await b.wait();
      log("2");
    });
    CHECK(is_as_new(b));
  });
  CHECK(log.text() == "1 1 1 2 2 2");
}

// CPython: locks BarrierTests.test_filling_tasks_check_return_value
TEST_CASE("a barrier gives all its numbers in the second round, too", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    numbers got;
    co_await in_tasks(5, [&]() -> weft::task<> {
      co_await b.wait();
      const std::size_t number = co_await b.wait();
      got.push_back(number);
    });
    std::sort(got.begin(), got.end());
    CHECK(got == numbers{0, 1, 2, 3, 4});
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_draining_state
TEST_CASE("a barrier lets nobody in until the last of its parties has left", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(3);
    event_log log;
    std::vector<weft::task_handle<std::size_t>> parties;
    for (int i = 0; i < 3; ++i) {
      parties.push_back(weft::create_task(b.wait()));
      parties.back().add_done_callback([&](const weft::task_ref&) { log("left"); });
    }
    const auto newcomer = weft::create_task(b.wait());
    co_await weft::yield();
    CHECK(parties[2].done());  // the last to come needs not wait
    CHECK_FALSE(parties[0].done());
    CHECK(b.waiters() == 0);  // the newcomer is not in
    co_await weft::yield();
    CHECK(log.text() == "left");
    CHECK(parties[0].done());
    CHECK(parties[1].done());
    CHECK(b.waiters() == 0);
    co_await weft::yield();
    CHECK(log.text() == "left left left");
    CHECK(b.waiters() == 1);  // now it is
    co_await b.abort();
    const auto end = co_await weft::outcome_of(newcomer);
    CHECK_THROWS_AS(end.value(), weft::broken_barrier_error);
  });
}

// CPython: locks BarrierTests.test_blocking_tasks_while_draining
TEST_CASE("tasks that come back to a draining barrier wait for the others of the next round", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier all(5);
    weft::barrier three(3);
    int back_at_once = 2;
    int rounds = 0;
    co_await in_tasks(5, [&]() -> weft::task<> {
      co_await all.wait();
      if (--back_at_once < 0) co_await three.wait();
      co_await all.wait();
      ++rounds;
    });
    CHECK(rounds == 5);
    CHECK(is_as_new(all));
    CHECK(is_as_new(three));
  });
}

// CPython: locks BarrierTests.test_filling_tasks_cancel_one
TEST_CASE("a task that is cancelled at a barrier counts no more", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(3);
    const auto first = weft::create_task(b.wait());
    co_await weft::yield();
    CHECK(b.waiters() == 1);
    const auto second = weft::create_task(b.wait());
    co_await weft::yield();
    CHECK(b.waiters() == 2);
    first.cancel();
    co_await weft::yield();
    CHECK(b.waiters() == 1);
    CHECK(first.cancelled());
    const auto third = weft::create_task(b.wait());
    co_await weft::yield();
    CHECK(b.waiters() == 2);
    CHECK_FALSE(second.done());
    const auto fourth = weft::create_task(b.wait());
    co_await weft::gather(second, third, fourth);
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_reset_barrier
TEST_CASE("resetting a barrier that nobody waits at leaves it usable", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(1);
    weft::create_task(b.reset());
    co_await weft::yield();
    CHECK(is_as_new(b));
    const bool passed = co_await passes(b);
    CHECK(passed);
  });
}

// CPython: locks BarrierTests.test_reset_barrier_while_tasks_waiting
TEST_CASE("resetting a barrier throws out all who wait at it", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    std::vector<weft::task_handle<bool>> waiting;
    for (int i = 0; i < 4; ++i) waiting.push_back(weft::create_task(passes(b)));
    co_await weft::yield();
    CHECK(b.waiters() == 4);
    weft::create_task(b.reset());
    const std::vector<bool> passed = co_await weft::gather(waiting);
    CHECK(passed == std::vector<bool>(4, false));
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_reset_barrier_when_tasks_half_draining
TEST_CASE("a reset while a barrier drains throws out those who have not left yet", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    int left = 0;
    int thrown_out = 0;
    co_await in_tasks(5, [&]() -> weft::task<> {
      const bool passed = co_await passes(b);
      if (!passed) {
        ++thrown_out;
      } else if (++left == 3) {
        co_await b.reset();
      }
    });
    CHECK(left == 3);
    CHECK(thrown_out == 2);
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_reset_barrier_when_tasks_half_draining_half_blocking
TEST_CASE("a reset while a barrier drains does not touch those who are blocked for the next round",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    int left = 0;
    int thrown_out = 0;
    int blocked_thrown_out = 0;
    co_await in_tasks(5, [&]() -> weft::task<> {
      const bool passed = co_await passes(b);
      if (!passed) {
        ++thrown_out;
        co_await b.wait();
      } else if (++left > 2) {
        co_await b.reset();
        co_await b.wait();
      } else {
        const bool passed_again = co_await passes(b);
        if (!passed_again) ++blocked_thrown_out;
      }
    });
    CHECK(thrown_out == 2);
    CHECK(blocked_thrown_out == 0);
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_reset_barrier_while_tasks_waiting_and_waiting_again
TEST_CASE("tasks that a reset threw out can fill the barrier again", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    int thrown_out = 0;
    int passed_at_last = 0;
    auto comes_again = [&]() -> weft::task<> {
      const bool passed = co_await passes(b);
      if (!passed) ++thrown_out;
      co_await b.wait();
      ++passed_at_last;
    };
    auto comes_once = [&]() -> weft::task<> {
      co_await b.wait();
      ++passed_at_last;
    };
    std::vector<weft::task_handle<>> four;
    for (int i = 0; i < 4; ++i) four.push_back(weft::create_task(comes_again));
    weft::create_task(b.reset());
    co_await weft::yield();
    const auto fifth = weft::create_task(comes_once);
    co_await weft::gather(four);
    co_await fifth;
    CHECK(thrown_out == 4);
    CHECK(passed_at_last == 5);
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_reset_barrier_while_tasks_draining
TEST_CASE("a reset by the last who leaves a barrier disturbs nobody who is back already", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    int left = 0;
    int second_rounds = 0;
    int third_rounds = 0;
    co_await in_tasks(5, [&]() -> weft::task<> {
      co_await b.wait();
      if (++left == 5) co_await b.reset();
      co_await b.wait();
      ++second_rounds;
      co_await b.wait();
      ++third_rounds;
    });
    CHECK(second_rounds == 5);
    CHECK(third_rounds == 5);
    CHECK(is_as_new(b));
  });
}

// CPython: locks BarrierTests.test_abort_barrier
TEST_CASE("an aborted barrier is broken and lets nobody in", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(1);
    weft::create_task(b.abort());
    co_await weft::yield();
    CHECK(b.broken());
    CHECK(b.waiters() == 0);
    const bool passed = co_await passes(b);
    CHECK_FALSE(passed);
  });
}

// CPython: locks BarrierTests.test_abort_barrier_when_tasks_half_draining_half_blocking
TEST_CASE("an abort while a barrier drains breaks it for those inside and for those who are blocked",
          "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    int left = 0;
    int thrown_out = 0;
    int blocked_thrown_out = 0;
    co_await in_tasks(5, [&]() -> weft::task<> {
      const bool passed = co_await passes(b);
      if (!passed) {
        ++thrown_out;
      } else if (++left > 2) {
        co_await b.abort();
      } else {
        const bool passed_again = co_await passes(b);
        if (!passed_again) ++blocked_thrown_out;
      }
    });
    CHECK(left == 3);
    CHECK(thrown_out == 2);
    CHECK(blocked_thrown_out == 2);
    CHECK(b.broken());
    CHECK(b.waiters() == 0);
  });
}

// A party that wants to pass twice; the one with number 2 fails after the first time, and aborts the barrier.
weft::task<> pass_twice_or_fail(weft::barrier& b, int& passed_twice, int& thrown_out) {
  bool failed = false;
  try {
    const std::size_t number = co_await b.wait();
    if (number == 2) throw std::runtime_error("cannot go on");
    co_await b.wait();
    ++passed_twice;
  } catch (const weft::broken_barrier_error&) {
    ++thrown_out;
  } catch (const std::runtime_error&) {
    failed = true;
  }
  if (failed) co_await b.abort();
}

// CPython: locks BarrierTests.test_abort_barrier_when_exception
TEST_CASE("a party that fails can abort the barrier, so that the others do not wait for it", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier b(5);
    int passed_twice = 0;
    int thrown_out = 0;
    co_await in_tasks(5, [&] { return pass_twice_or_fail(b, passed_twice, thrown_out); });
    CHECK(passed_twice == 0);
    CHECK(thrown_out == 4);
    CHECK(b.broken());
    CHECK(b.waiters() == 0);
  });
}

// CPython: locks BarrierTests.test_abort_barrier_when_exception_then_resetting
TEST_CASE("a reset makes an aborted barrier usable again", "[asyncio][locks]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::barrier aborted(5);
    weft::barrier meeting(5);
    int passed_twice = 0;
    int thrown_out = 0;
    int passed_after_reset = 0;
    co_await in_tasks(5, [&]() -> weft::task<> {
      co_await pass_twice_or_fail(aborted, passed_twice, thrown_out);
      const std::size_t place = co_await meeting.wait();  // all have left it
      if (place == 2) co_await aborted.reset();
      co_await meeting.wait();  // it has been reset
      co_await aborted.wait();
      ++passed_after_reset;
    });
    CHECK(passed_twice == 0);
    CHECK(thrown_out == 4);
    CHECK(passed_after_reset == 5);
    CHECK(is_as_new(aborted));
  });
}

}  // namespace asyncio_locks_barrier_test
