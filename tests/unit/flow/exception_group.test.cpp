// Tests of weft/flow/exception_group.hpp: what is in a group, handling by type, and what is left.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"

#include <weft/core/error.hpp>
#include <weft/flow/exception_group.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace flow_exception_group_test {

using weft::exception_group;
using weft_test::contains;
using weft_test::event_log;

template <class E>
std::exception_ptr error(E e) {
  return std::make_exception_ptr(std::move(e));
}
exception_group flat() {
  return exception_group("several", {error(std::out_of_range("range")), error(std::runtime_error("run")),
                                     error(std::invalid_argument("argument"))});
}
exception_group nested() {
  const exception_group inner("inner", {error(std::out_of_range("deep")), error(std::runtime_error("run"))});
  return exception_group("outer", {error(std::logic_error("first")), error(inner), error(std::out_of_range("last"))});
}
// What handle<E>() calls its function with, in order.
template <class E>
std::string handled(const exception_group& group) {
  event_log log;
  static_cast<void>(group.handle<E>([&](const E& e) { log(e.what()); }));
  return log.text();
}

TEST_CASE("an exception group says how many errors it has, and what they say", "[flow][exception_group]") {
  CHECK_THAT(flat().what(), contains("several (3 errors)") && contains("range; run; argument"));
  const exception_group one("alone", {error(42)});
  CHECK(std::string(one.what()) == "alone (1 error): not a std::exception");
  CHECK_THAT(nested().what(), contains("inner (2 errors): deep; run"));
  CHECK(std::string(exception_group("none", {}).what()) == "none (0 errors)");
}

TEST_CASE("an exception group refuses what is no exception", "[flow][exception_group]") {
  CHECK_THROWS_AS(exception_group("g", {nullptr}), std::invalid_argument);
  CHECK_THROWS_AS(exception_group("g", {error(1), nullptr}), std::invalid_argument);
}

TEST_CASE("an exception group gives its errors in their order", "[flow][exception_group]") {
  const exception_group group = nested();
  CHECK(group.exceptions().size() == 3);
  CHECK_FALSE(group.empty());
  CHECK(weft::holds<exception_group>(group.exceptions()[1]));
  CHECK_FALSE(weft::holds<exception_group>(group.exceptions()[2]));
  CHECK(weft::holds<std::logic_error>(group.exceptions()[2]));  // a base
}

TEST_CASE("contains() and take() look into groups in groups, by base class too", "[flow][exception_group]") {
  const exception_group group = nested();
  CHECK(group.contains<std::out_of_range>());
  CHECK(group.contains<std::runtime_error>());
  CHECK_FALSE(group.contains<std::invalid_argument>());
  CHECK_FALSE(group.contains<int>());
  CHECK(group.take<std::out_of_range>().size() == 2);
  CHECK(group.take<std::logic_error>().size() == 3);
  CHECK(group.take<std::exception>().size() == 4);
  CHECK(group.take<exception_group>().size() == 1);
  CHECK(group.exceptions().size() == 3);  // never changed
}

TEST_CASE("handle() calls the function for each error of a type, and gives the group of the others",
          "[flow][exception_group]") {
  event_log log;
  const exception_group rest = flat().handle<std::logic_error>([&](const std::logic_error& e) { log(e.what()); });
  CHECK(log.text() == "range argument");
  CHECK(rest.exceptions().size() == 1);
  CHECK(rest.contains<std::runtime_error>());
  CHECK_THAT(rest.what(), contains("several (1 error): run"));
}

TEST_CASE("handle() looks into groups in groups, and leaves out a group that has lost all", "[flow][exception_group]") {
  CHECK(handled<std::out_of_range>(nested()) == "deep last");
  CHECK(handled<std::exception>(nested()) == "first deep run last");
  const auto ignore = [](const auto&) {};
  const exception_group rest = nested().handle<std::out_of_range>(ignore).handle<std::runtime_error>(ignore);
  CHECK(rest.exceptions().size() == 1);
  CHECK(weft::holds<std::logic_error>(rest.exceptions()[0]));
}

TEST_CASE("handle() of groups gets the groups themselves", "[flow][exception_group]") {
  const exception_group rest =
      nested().handle<exception_group>([](const exception_group& inner) { CHECK(inner.exceptions().size() == 2); });
  CHECK(rest.exceptions().size() == 2);
}

TEST_CASE("a chain of handle() that leaves nothing rethrows nothing, else the group of what is left",
          "[flow][exception_group]") {
  const auto ignore = [](const auto&) {};
  CHECK_NOTHROW(nested().handle<std::exception>(ignore).rethrow());
  CHECK_NOTHROW(exception_group("none", {}).rethrow());
  try {
    flat().handle<std::logic_error>(ignore).rethrow();
    FAIL("nothing was thrown");
  } catch (const exception_group& left) {
    CHECK(left.take<std::runtime_error>().size() == 1);
  }
}

TEST_CASE("an exception of the function passes out of handle()", "[flow][exception_group]") {
  int calls = 0;
  const auto throws = [&](const std::logic_error&) {
    ++calls;
    throw std::runtime_error("in the handler");
  };
  CHECK_THROWS_WITH(flat().handle<std::logic_error>(throws), "in the handler");
  CHECK(calls == 1);
  CHECK_THROWS_WITH(nested().handle<std::logic_error>(throws), "in the handler");
}

TEST_CASE("a function that owns what only moves can handle errors", "[flow][exception_group]") {
  int sum = 0;
  auto counts = [&sum, one = std::make_unique<int>(1)](const std::exception&) mutable { sum += (*one)++; };
  static_cast<void>(nested().handle<std::exception>(std::move(counts)));
  CHECK(sum == 1 + 2 + 3 + 4);  // it is one function, in groups in groups, too
}

TEST_CASE("what is no std::exception can be handled, and so can cancelled_error", "[flow][exception_group]") {
  const exception_group group("mixed", {error(42), error(weft::cancelled_error()), error(std::runtime_error("run"))});
  int number = 0;
  const exception_group rest = group.handle<int>([&](int n) { number = n; });
  CHECK(number == 42);
  CHECK(rest.contains<weft::cancelled_error>());
  CHECK(rest.exceptions().size() == 2);
}

TEST_CASE("a group is an exception that copies without throwing, and shares its errors", "[flow][exception_group]") {
  static_assert(std::is_base_of_v<std::runtime_error, exception_group>);
  static_assert(std::is_nothrow_copy_constructible_v<exception_group>);
  const exception_group group = nested();
  const exception_group copy = group;  // NOLINT: that is the point
  CHECK(&copy.exceptions() == &group.exceptions());
  CHECK_THROWS_AS(copy.rethrow(), std::runtime_error);
}

}  // namespace flow_exception_group_test
