// Tests of weft/debug/format.hpp: what the states of things look like.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/virtual_time.hpp"

#include <weft/debug/format.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

namespace debug_format_test {

using namespace std::chrono_literals;
using weft_test::run_on_virtual_time;

weft::task<> sleeps() { co_await weft::sleep_for(1s); }
weft::task<> throws() {
  throw std::logic_error("thrown");
  co_return;
}
weft::task<> locks(weft::mutex& m) {
  const auto lock = co_await m.lock();
  co_await weft::sleep_for(1s);
}
weft::task<> gets(weft::queue<int>& q) { co_await q.get(); }

TEST_CASE("a task is formatted with its name and state", "[debug][format]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::current_task().set_name("me");
    CHECK(fmt::format("{}", weft::current_task()) == "<task 'me' running>");
    auto sleeper = weft::create_task(sleeps(), "sleeper");
    auto thrower = weft::create_task(throws(), "thrower");
    CHECK(fmt::format("{}", sleeper) == "<task 'sleeper' pending>");
    co_await weft::yield();
    CHECK(fmt::format("{}", thrower) == "<task 'thrower' failed>");
    CHECK(thrower.exception() != nullptr);
    sleeper.cancel();
    CHECK(fmt::format("{}", sleeper) == "<task 'sleeper' cancelling>");
    co_await weft::yield();
    CHECK(fmt::format("{}", sleeper) == "<task 'sleeper' cancelled>");
    CHECK(fmt::format("{}", weft::task_ref()) == "<task, empty>");
  });
}

TEST_CASE("formatting a failed task or future is not looking at its exception", "[debug][format]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto thrower = weft::create_task(throws());
    co_await weft::yield();
    CHECK_FALSE(fmt::format("{}", thrower).empty());
    CHECK_FALSE(thrower.exception_retrieved());
    CHECK(thrower.exception() != nullptr);
  });
}

TEST_CASE("locks are formatted with those who wait", "[debug][format]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::mutex m;
    CHECK(fmt::format("{}", m) == "<mutex unlocked>");
    weft::create_task(locks, std::ref(m));
    weft::create_task(locks, std::ref(m));
    weft::create_task(locks, std::ref(m));
    co_await weft::yield();
    CHECK(fmt::format("{}", m) == "<mutex locked, 2 waiters>");
    co_await weft::sleep_for(10s);
    weft::semaphore s(2);
    CHECK(fmt::format("{}", s) == "<semaphore 2 free>");
    const auto one = s.try_acquire();
    const auto two = s.try_acquire();
    CHECK(fmt::format("{}", s) == "<semaphore locked>");
    weft::event e;
    CHECK(fmt::format("{}", e) == "<event unset>");
    CHECK(fmt::format("{}", weft::condition_variable()) == "<condition_variable unlocked>");
    weft::barrier b(2);
    CHECK(fmt::format("{}", b) == "<barrier 0 of 2>");
    co_await b.abort();
    CHECK(fmt::format("{}", b) == "<barrier broken>");
  });
}

TEST_CASE("a queue is formatted with its size and those who wait", "[debug][format]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::queue<int> q(2);
    auto getter = weft::create_task(gets, std::ref(q));
    co_await weft::yield();
    CHECK(fmt::format("{}", q) == "<queue 0 of 2, 1 getting>");
    co_await q.put(1);
    co_await getter;
    q.shutdown();
    CHECK(fmt::format("{}", q) == "<queue 0 of 2, 1 unfinished, shut down>");
    CHECK(fmt::format("{}", weft::lifo_queue<int>()) == "<queue 0>");
  });
}

TEST_CASE("futures and outcomes are formatted as what they are", "[debug][format]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::future<int> f;
    CHECK(fmt::format("{}", f) == "<future pending>");
    f.set_result(1);
    CHECK(fmt::format("{}", f) == "<future done>");
    weft::outcome<int> o;
    CHECK(fmt::format("{}", o) == "<pending>");
    o.cancel();
    CHECK(fmt::format("{}", o) == "<cancelled>");
    co_return;
  });
}

TEST_CASE("a state is padded as a string is", "[debug][format]") {
  CHECK(fmt::format("{:>20}|", weft::mutex()) == "    <mutex unlocked>|");
}

}  // namespace debug_format_test
