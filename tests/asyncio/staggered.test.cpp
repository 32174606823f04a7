// What CPython's test_staggered states, as far as weft::race() has it: all racers start at once, and the first one to
// end wins, however it ends; so a racer that is to start later sleeps first.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/task.hpp>
#include <weft/flow/race.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace asyncio_staggered_test {

using namespace std::chrono_literals;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;

// Gives its number after a time; says so when it is cancelled.
weft::task<std::string> racer(event_log& log, std::size_t number, std::chrono::milliseconds time) {
  try {
    if (time > 0ms) co_await weft::sleep_for(time);
  } catch (const weft::cancelled_error&) {
    log("cancelled:" + std::to_string(number));
    throw;
  }
  co_return "result " + std::to_string(number);
}

// CPython: staggered StaggeredTests.test_one_successful
TEST_CASE("of two racers that succeed at once the first one wins", "[asyncio][staggered]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    std::vector<weft::task<std::string>> racers;
    for (std::size_t i = 0; i < 2; ++i) racers.push_back(racer(log, i, 0ms));
    const auto winner = co_await weft::race(std::move(racers));
    CHECK(winner.index == 0);
    CHECK(winner.value == "result 0");
  });
}

// CPython: staggered StaggeredTests.test_first_timeout_second_successful
TEST_CASE("a racer that starts later wins if the first one takes too long, and that is cancelled",
          "[asyncio][staggered]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto later = [&]() -> weft::task<std::string> {
      co_await weft::sleep_for(100ms);
      co_return co_await racer(log, 1, 0ms);
    };
    const auto winner = co_await weft::race(racer(log, 0, 10s), later);
    CHECK(winner.index() == 1);
    CHECK(std::get<1>(winner) == "result 1");
    CHECK(now_ms() == 100);
  });
  CHECK(log.text() == "cancelled:0");
}

}  // namespace asyncio_staggered_test
