// Tests of weft/core/chain_link.hpp: how a place in the source is shown to people.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/chain_link.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>

#include <source_location>
#include <string>

namespace core_chain_link_test {

using weft_test::contains;
using weft_test::run_on_virtual_time;

weft::task<> notes_its_place(std::string& place) {
  co_await weft::yield();
  place = weft::to_string(std::source_location::current());
}

TEST_CASE("a place is shown as file, line and function", "[core][chain_link]") {
  const int line = __LINE__ + 1;
  const std::string place = weft::to_string(std::source_location::current());
  CHECK_THAT(place, contains("chain_link.test.cpp:" + std::to_string(line) + " ("));
  CHECK(place.back() == ')');
}

TEST_CASE("a place in a coroutine names the function that was written, not what the compiler made of it",
          "[core][chain_link]") {
  std::string place;
  run_on_virtual_time([&]() -> weft::task<> { co_await notes_its_place(place); });
  CHECK_THAT(place, contains("notes_its_place"));
  CHECK_THAT(place, !contains("Frame"));
  CHECK_THAT(place, contains("chain_link.test.cpp:"));
}

class looks_at_chain {
 public:
  explicit looks_at_chain(std::string& report) : report_(report) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(weft::task_state& waiting) const {
    report_ = waiting.report();
    return false;
  }
  void await_resume() const noexcept {}

 private:
  std::string& report_;
};

constexpr unsigned leaf_line = __LINE__ + 1;
weft::task<> leaf(std::string& report) { co_await looks_at_chain(report); }
constexpr unsigned middle_line = __LINE__ + 1;
weft::task<> middle(std::string& report) { co_await leaf(report); }

TEST_CASE("each coroutine of a chain knows the line of its co_await and who awaits it", "[core][chain_link]") {
  std::string report;
  run_on_virtual_time([&]() -> weft::task<> {
    auto t = weft::create_task(middle(report), "chain");
    co_await t;
  });
  const auto at = [&](unsigned line) { return report.find("chain_link.test.cpp:" + std::to_string(line) + " ("); };
  CHECK(at(leaf_line) != std::string::npos);
  CHECK(at(middle_line) != std::string::npos);
  CHECK(at(leaf_line) < at(middle_line));
}

}  // namespace core_chain_link_test
