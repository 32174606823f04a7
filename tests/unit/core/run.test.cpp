// Tests of weft/core/run.hpp: results, the end of all other tasks, what fails, and deadlocks.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/pollers.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"
#include "support/witness.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/config.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <sys/resource.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace core_run_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::run_on_virtual_time;
using weft_test::witness;
using weft_test::words;

// ---- the result ----

weft::task<int> answer() { co_return 42; }
weft::task<std::unique_ptr<int>> owned_answer() { co_return std::make_unique<int>(42); }
weft::task<int&> reference_to(int& n) { co_return n; }
weft::task<> nothing() { co_return; }
weft::task<int> fails_with(const char* what) {
  co_await weft::yield();
  throw std::runtime_error(what);
}

TEST_CASE("run returns what the main task returns", "[core][run]") {
  CHECK(weft::run(answer()) == 42);
  CHECK(*weft::run(owned_answer()) == 42);
  int number = 1;
  static_assert(std::is_same_v<decltype(weft::run(reference_to(number))), int&>);
  weft::run(reference_to(number)) = 2;
  CHECK(number == 2);
  static_assert(std::is_void_v<decltype(weft::run(nothing()))>);
  CHECK_NOTHROW(weft::run(nothing()));
}

TEST_CASE("run throws what the main task throws", "[core][run]") {
  CHECK_THROWS_WITH(weft::run(fails_with("broken")), "broken");
  const auto cancels_itself = []() -> weft::task<> {
    weft::current_task().cancel();
    co_await weft::yield();
  };
  CHECK_THROWS_AS(weft::run(cancels_itself), weft::cancelled_error);
  const auto throws_a_number = []() -> weft::task<> {
    throw 7;
    co_return;
  };
  CHECK_THROWS_AS(weft::run(throws_a_number), int);
}

TEST_CASE("run takes a function and its arguments and keeps them alive", "[core][run]") {
  auto owned = std::make_shared<int>(40);
  const std::weak_ptr<int> alive = owned;
  auto add = [kept = std::move(owned)](std::unique_ptr<int> other, const std::string& text) -> weft::task<int> {
    co_await weft::yield();
    co_return *kept + *other + static_cast<int>(text.size());
  };
  CHECK(weft::run(std::move(add), std::make_unique<int>(1), std::string("x")) == 42);
  CHECK(alive.expired());
  CHECK(weft::run(answer) == 42);
}

struct uncopied {
  uncopied() = default;
  uncopied(const uncopied&) = delete;
  uncopied& operator=(const uncopied&) = delete;
};
weft::task<uncopied&> hands_back(uncopied& thing) { co_return thing; }

TEST_CASE("run of a function gives the reference that its task returns", "[core][run]") {
  uncopied thing;
  static_assert(std::is_same_v<decltype(weft::run(hands_back, std::ref(thing))), uncopied&>);
  CHECK(&weft::run(hands_back, std::ref(thing)) == &thing);
  CHECK(&weft::run(weft::run_options(), hands_back, std::ref(thing)) == &thing);
}

TEST_CASE("run on a virtual clock takes no time", "[core][run]") {
  weft::virtual_clock time;
  const auto sleeper = [&]() -> weft::task<> {
    CHECK(&weft::event_loop::current().clock() == &time);
    co_await weft::sleep_for(24h);
  };
  const auto start = std::chrono::steady_clock::now();
  weft::run(sleeper(), {.clock = &time});
  CHECK(time.now() == weft::time_point{24h});
  CHECK(std::chrono::steady_clock::now() - start < 1h);
}

TEST_CASE("run takes a poller", "[core][run]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  const auto poller = weft_test::make_poller(name);
  const auto sleeper = []() -> weft::task<int> {
    co_await weft::sleep_for(1ms);
    co_return 1;
  };
  CHECK(weft::run(sleeper(), {.poller = poller.get()}) == 1);
}

TEST_CASE("an empty task cannot be run", "[core][run]") {
  weft::task<int> empty;
  CHECK_THROWS_AS(weft::run(std::move(empty)), weft::invalid_state_error);
  weft::task<int> once = answer();
  CHECK(weft::run(std::move(once)) == 42);
  CHECK_THROWS_AS(weft::run(std::move(once)), weft::invalid_state_error);
}

TEST_CASE("run inside run is an error that says what to write, and the outer one goes on", "[core][run]") {
  const auto body = []() -> weft::task<int> {
    CHECK_THROWS_AS(weft::run(answer()), weft::usage_error);
    CHECK_THROWS_WITH(weft::run(answer()), contains("co_await"));
    const int result = co_await answer();
    co_return result;
  };
  CHECK(run_on_virtual_time(body) == 42);
}

TEST_CASE("run that gets no loop says why, and leaves the task as it was", "[core][run]") {
  if (WEFT_ASAN)
    return;  // with it runs UBSan, which needs a pipe of its own to check a virtual table, and there is none left
  const int result = weft_test::in_child([] {
    words log;
    const auto body = [](witness) -> weft::task<> { co_return; };
    weft::task<> main = body(witness(log, "argument"));
    rlimit limits{};
    if (::getrlimit(RLIMIT_NOFILE, &limits) != 0) return 1;
    const rlimit none{0, limits.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
    try {
      weft::run(std::move(main));
      return 2;
    } catch (const std::system_error& e) {
      if (e.code() != std::errc::too_many_files_open) return 3;
    }
    if (weft::event_loop::current_or_null() != nullptr || !log.empty() || !main) return 4;
    if (::setrlimit(RLIMIT_NOFILE, &limits) != 0) return 5;
    weft::run(std::move(main));
    return log == words{"argument"} ? 0 : 6;
  });
  CHECK(result == 0);
}

TEST_CASE("one run after the other, and one in each thread", "[core][run]") {
  for (int i = 0; i < 3; ++i) CHECK(weft::run(answer()) == 42);
  int results[4] = {};
  std::vector<std::thread> threads;
  for (int& result : results) threads.emplace_back([&result] { result = weft::run(answer()); });
  for (std::thread& thread : threads) thread.join();
  for (const int result : results) CHECK(result == 42);
}

TEST_CASE("there is no loop before and after run", "[core][run]") {
  CHECK_THROWS_AS(weft::create_task(nothing()), weft::usage_error);
  weft::run(nothing());
  CHECK(weft::event_loop::current_or_null() == nullptr);
  CHECK_FALSE(weft::current_task());
  CHECK_THROWS_AS(weft::create_task(nothing()), weft::usage_error);
}

// ---- the end of the other tasks ----

weft::task<> sleep_with(witness w) {
  try {
    co_await weft::sleep_for(1h);
  } catch (const weft::cancelled_error&) {
    w.note("cancelled");
    throw;
  }
}

TEST_CASE("when main is done, the others are cancelled in the order of their making", "[core][run]") {
  words log;
  const auto body = [&]() -> weft::task<int> {
    const witness of_main(log, "main");
    weft::create_task(sleep_with(witness(log, "a")));
    weft::create_task(sleep_with(witness(log, "b")));
    weft::create_task(sleep_with(witness(log, "c")));
    co_await weft::yield();
    co_return 1;
  };
  CHECK(run_on_virtual_time(body) == 1);
  CHECK(log == words{"main", "cancelled a", "a", "cancelled b", "b", "cancelled c", "c"});
}

TEST_CASE("the others are cancelled and waited for also when main fails", "[core][run]") {
  words log;
  const auto body = [&]() -> weft::task<> {
    weft::create_task(sleep_with(witness(log, "other")));
    co_await fails_with("broken");
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), "broken");
  CHECK(log == words{"cancelled other", "other"});
}

TEST_CASE("the end waits for those that take their time to tidy up", "[core][run]") {
  words log;
  const auto tidy = [&]() -> weft::task<> {
    bool cancelled = false;
    try {
      co_await weft::sleep_for(1h);
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
    if (cancelled) co_await weft::sleep_for(10ms);
    log.push_back("tidy after " + std::to_string(weft_test::now_ms()) + " ms");
  };
  const auto body = [&]() -> weft::task<> {
    weft::create_task(tidy);
    weft::create_task(tidy);
    co_await weft::yield();
  };
  run_on_virtual_time(body);
  CHECK(log == words{"tidy after 10 ms", "tidy after 10 ms"});
}

TEST_CASE("tasks that are made while others end are ended, too", "[core][run]") {
  words log;
  std::function<weft::task<>(int)> generation = [&](int n) -> weft::task<> {
    try {
      co_await weft::sleep_for(1h);
    } catch (const weft::cancelled_error&) {
      log.push_back("end of " + std::to_string(n));
      if (n < 4) weft::create_task(generation(n + 1));
      throw;
    }
  };
  const auto body = [&]() -> weft::task<> {
    weft::create_task(generation(1));
    co_await weft::yield();
  };
  run_on_virtual_time(body);
  CHECK(log == words{"end of 1", "end of 2", "end of 3", "end of 4"});
}

TEST_CASE("a task that will not end is an error, not a hang", "[core][run]") {
  words log;
  const weft_test::time_limit limit;

  SECTION("it waits for what never comes") {
    const auto stubborn = [&](const weft::task_handle<>& other) -> weft::task<> {
      const witness w(log, "stubborn");
      for (;;) {
        try {
          co_await other;
        } catch (const weft::cancelled_error&) {
        }
      }
    };
    weft::task_handle<> egg;
    weft::task_handle<> hen;
    const auto body = [&]() -> weft::task<> {
      weft::event_loop::current().set_exception_handler([](const weft::exception_context&) {});
      egg = weft::create_task(stubborn(hen), "egg");
      hen = weft::create_task(stubborn(egg), "hen");
      co_await weft::yield();
    };
    CHECK_THROWS_AS(run_on_virtual_time(body), weft::deadlock_error);
    CHECK(log == words{"stubborn", "stubborn"});
    CHECK(hen.cancelled());
  }
  SECTION("it takes turns for ever") {
    const auto stubborn = [&]() -> weft::task<> {
      const witness w(log, "stubborn");
      for (;;) {
        try {
          co_await weft::yield();
        } catch (const weft::cancelled_error&) {
        }
      }
    };
    const auto body = [&]() -> weft::task<> {
      weft::event_loop::current().set_exception_handler(
          [&](const weft::exception_context& c) { log.push_back(c.message + c.task.substr(0, 10)); });
      weft::create_task(stubborn(), "stubborn");
      co_await weft::yield();
    };
    weft::virtual_clock time(1000);
    CHECK_THROWS_AS(weft::run(body(), {.clock = &time}), weft::livelock_error);
    CHECK(log == words{"Task was destroyed but it is pending'stubborn'", "stubborn"});
  }
  SECTION("each one makes another") {
    int made = 0;
    std::function<weft::task<>()> hydra = [&]() -> weft::task<> {
      bool cancelled = false;
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        cancelled = true;
      }
      if (!cancelled || ++made > 20'000) co_return;
      weft::create_task(hydra());
      co_await weft::yield();
    };
    const auto body = [&]() -> weft::task<> {
      weft::event_loop::current().set_exception_handler([](const weft::exception_context&) {});
      weft::create_task(hydra());
      co_await weft::yield();
    };
    weft::virtual_clock time(1000);
    CHECK_THROWS_AS(weft::run(body(), {.clock = &time}), weft::livelock_error);
    CHECK(made < 20'000);
  }
}

TEST_CASE("what main threw is worth more than how the others failed to end", "[core][run]") {
  const auto stubborn = []() -> weft::task<> {
    for (;;) {
      try {
        co_await weft::yield();
      } catch (const weft::cancelled_error&) {
      }
    }
  };
  const auto body = [&]() -> weft::task<> {
    weft::event_loop::current().set_exception_handler([](const weft::exception_context&) {});
    weft::create_task(stubborn());
    co_await fails_with("broken");
  };
  weft::virtual_clock time(1000);
  CHECK_THROWS_WITH(weft::run(body(), {.clock = &time}), "broken");
}

TEST_CASE("stop() does not cut the end of the other tasks short", "[core][run]") {
  words log;
  const auto stops = [&]() -> weft::task<> {
    bool cancelled = false;
    try {
      co_await weft::sleep_for(1h);
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
    weft::event_loop::current().stop();
    if (cancelled) co_await weft::sleep_for(10ms);
    log.push_back("stopped and tidy");
  };
  const auto body = [&]() -> weft::task<int> {
    weft::create_task(stops);
    weft::create_task(sleep_with(witness(log, "other")));
    co_await weft::yield();
    co_return 1;
  };
  CHECK(run_on_virtual_time(body) == 1);
  CHECK(log == words{"cancelled other", "other", "stopped and tidy"});
}

TEST_CASE("a loop that is stopped before main is done says so, after tidying up", "[core][run]") {
  words log;
  const auto body = [&]() -> weft::task<> {
    const witness w(log, "main");
    weft::event_loop::current().stop();
    co_await weft::sleep_for(1h);
  };
  CHECK_THROWS_AS(run_on_virtual_time(body), weft::usage_error);
  CHECK(log == words{"main"});
}

// ---- nothing is lost ----

TEST_CASE("exceptions that nobody looked at are reported with name and place", "[core][run]") {
  words reported;
  const auto body = [&]() -> weft::task<> {
    weft::event_loop::current().set_exception_handler([&](const weft::exception_context& c) {
      const bool at_the_end = c.task.starts_with("'late'");
      CHECK(c.message ==
            (at_the_end ? "unhandled exception during the shutdown of run()" : "Task exception was never retrieved"));
      CHECK_THAT(c.task, contains("run.test.cpp:"));
      try {
        std::rethrow_exception(c.exception);
      } catch (const std::exception& e) {
        reported.push_back(c.task.substr(0, c.task.find(',')) + ": " + e.what());
      }
    });
    weft::create_task(fails_with("while main runs"), "early");
    const auto looked_at = weft::create_task(fails_with("looked at"), "seen");
    co_await weft::sleep_for(1ms);
    CHECK(looked_at.exception() != nullptr);
    const auto fails_at_the_end = []() -> weft::task<> {
      try {
        co_await weft::sleep_for(1h);
      } catch (const weft::cancelled_error&) {
        throw std::runtime_error("when it was cancelled");
      }
    };
    weft::create_task(fails_at_the_end(), "late");
    co_await weft::yield();
  };
  run_on_virtual_time(body);
  CHECK(reported == words{"'early': while main runs", "'late': when it was cancelled"});
}

TEST_CASE("what main throws is not reported as lost, though others hold its handle", "[core][run]") {
  int reports = 0;
  weft::task_ref main;
  const auto body = [&]() -> weft::task<> {
    weft::event_loop::current().set_exception_handler([&](const weft::exception_context&) { ++reports; });
    main = weft::current_task();
    co_await fails_with("broken");
  };
  CHECK_THROWS_WITH(run_on_virtual_time(body), "broken");
  CHECK(main.done());
  main = {};
  CHECK(reports == 0);
}

TEST_CASE("handles outlive run and keep their results", "[core][run]") {
  weft::task_handle<int> done;
  weft::task_handle<> cut_short;
  const auto body = [&]() -> weft::task<> {
    done = weft::create_task(answer());
    cut_short = weft::create_task([]() -> weft::task<> { co_await weft::sleep_for(1h); });
    co_await weft::sleep_for(1ms);
  };
  run_on_virtual_time(body);
  CHECK(done.result() == 42);
  CHECK(cut_short.cancelled());
  CHECK_FALSE(cut_short.cancel());
  CHECK_THROWS_AS(cut_short.result(), weft::cancelled_error);
}

TEST_CASE("a deadlock of main is an error that says where it waits, and the others are tidied up", "[core][run]") {
  words log;
  weft::task_handle<> other;
  const auto waits_for_main = [&](weft::task_ref main) -> weft::task<> {
    const witness w(log, "other");
    co_await main;
  };
  const auto body = [&]() -> weft::task<> {
    const witness w(log, "main");
    other = weft::create_task(waits_for_main(weft::current_task()), "the other");
    co_await other;
  };
  try {
    run_on_virtual_time(body);
    FAIL("no deadlock");
  } catch (const weft::deadlock_error& e) {
    CHECK_THAT(e.what(), contains("'Task-1'") && contains("'the other'") && contains("run.test.cpp:"));
    CHECK_THAT(e.what(), contains("waits for task 'the other'") && contains("waits for task 'Task-1'"));
  }
  CHECK(log.size() == 2);
  CHECK(other.done());
}

TEST_CASE("a main task that polls without letting time pass is an error on a virtual clock", "[core][run]") {
  words log;
  const auto body = [&]() -> weft::task<> {
    const witness w(log, "main");
    for (;;) co_await weft::yield();
  };
  weft::virtual_clock time(1000);
  CHECK_THROWS_AS(weft::run(body(), {.clock = &time}), weft::livelock_error);
  CHECK(log == words{"main"});
}

}  // namespace core_run_test
