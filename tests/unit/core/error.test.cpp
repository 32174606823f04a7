// Tests of weft/core/error.hpp: which handler catches what.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"

#include <weft/core/error.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace core_error_test {

// The first handler of a careful program that catches what fn() throws.
template <class F>
std::string caught_as(F fn) {
  try {
    fn();
  } catch (const weft::loop_closed_error&) {
    return "loop_closed_error";
  } catch (const weft::usage_error&) {
    return "usage_error";
  } catch (const std::exception&) {
    return "std::exception";
  } catch (...) {
    return "...";
  }
  return "nothing";
}

TEST_CASE("requests to stop are no failures, so a handler of std::exception lets them pass", "[core][error]") {
  static_assert(!std::is_base_of_v<std::exception, weft::cancelled_error>);
  static_assert(!std::is_base_of_v<std::exception, weft::keyboard_interrupt>);
  CHECK(caught_as([] { throw weft::cancelled_error(); }) == "...");
  CHECK(caught_as([] { throw weft::keyboard_interrupt(); }) == "...");
}

TEST_CASE("errors of the caller are logic errors, those of the run are runtime errors", "[core][error]") {
  static_assert(std::is_base_of_v<std::logic_error, weft::usage_error>);
  static_assert(std::is_base_of_v<std::logic_error, weft::invalid_state_error>);
  static_assert(std::is_base_of_v<std::runtime_error, weft::deadlock_error>);
  static_assert(std::is_base_of_v<std::runtime_error, weft::livelock_error>);
  CHECK(caught_as([] { throw weft::usage_error("wrong"); }) == "usage_error");
  CHECK(caught_as([] { throw weft::loop_closed_error(); }) == "loop_closed_error");
  CHECK(caught_as([] { throw weft::invalid_state_error("wrong"); }) == "std::exception");
}

TEST_CASE("every error says that it comes from weft and what happened", "[core][error]") {
  using Catch::Matchers::StartsWith;
  CHECK_THAT(weft::cancelled_error().what(), StartsWith("weft: "));
  CHECK_THAT(weft::keyboard_interrupt().what(), StartsWith("weft: ") && weft_test::contains("SIGINT"));
  CHECK_THAT(weft::loop_closed_error().what(), StartsWith("weft: ") && weft_test::contains("closed"));
  CHECK(weft::usage_error("weft: what I said").what() == std::string("weft: what I said"));
}

TEST_CASE("errors can be thrown across threads and loops: they copy without throwing", "[core][error]") {
  CHECK(std::is_nothrow_copy_constructible_v<weft::cancelled_error>);
  CHECK(std::is_nothrow_copy_constructible_v<weft::keyboard_interrupt>);
  CHECK(std::is_nothrow_copy_constructible_v<weft::usage_error>);
  CHECK(std::is_nothrow_copy_constructible_v<weft::loop_closed_error>);
  CHECK(std::is_nothrow_copy_constructible_v<weft::deadlock_error>);
}

}  // namespace core_error_test
