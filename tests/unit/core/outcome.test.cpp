// Tests of weft/core/outcome.hpp: value, exception, cancelled, pending, for every kind of T.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <weft/core/outcome.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace core_outcome_test {

using weft::outcome;

std::exception_ptr failure(const char* what) { return std::make_exception_ptr(std::runtime_error(what)); }

// Counts how many of its kind are alive, and refuses to be made from a negative number.
struct counted {
  static inline int alive = 0;
  explicit counted(int n) : number(n) {
    if (n < 0) throw std::invalid_argument("negative");
    ++alive;
  }
  counted(const counted& other) : number(other.number) { ++alive; }
  counted(counted&& other) noexcept : number(std::exchange(other.number, -1)) { ++alive; }
  ~counted() { --alive; }
  counted& operator=(const counted&) = delete;
  int number;
};

TEST_CASE("an outcome starts pending and its value is an error", "[core][outcome]") {
  outcome<int> o;
  CHECK(o.pending());
  CHECK_FALSE(o.has_value());
  CHECK_FALSE(o.failed());
  CHECK_FALSE(o.cancelled());
  CHECK_FALSE(o);
  CHECK(o.exception() == nullptr);
  CHECK_THROWS_AS(o.value(), weft::invalid_state_error);
  CHECK_THROWS_AS(*o, weft::invalid_state_error);
  outcome<> nothing;
  CHECK_THROWS_AS(nothing.value(), weft::invalid_state_error);
}

TEST_CASE("an outcome with a value gives it out by reference or moves it out", "[core][outcome]") {
  outcome<std::string> o;
  o.emplace(3u, 'x');
  CHECK(o.has_value());
  CHECK(o);
  CHECK_FALSE(o.pending());
  CHECK(o.exception() == nullptr);
  CHECK(o.value() == "xxx");
  o.value() += "y";
  CHECK(*std::as_const(o) == "xxxy");
  static_assert(std::is_same_v<decltype(o.value()), std::string&>);
  static_assert(std::is_same_v<decltype(std::as_const(o).value()), const std::string&>);
  static_assert(std::is_same_v<decltype(std::move(o).value()), std::string>);
  CHECK(*std::move(o) == "xxxy");
  CHECK(o.value().empty());
}

TEST_CASE("an outcome that failed throws its exception, as often as it is asked", "[core][outcome]") {
  outcome<int> o;
  o.fail(failure("broken"));
  CHECK(o.failed());
  CHECK_FALSE(o);
  CHECK(o.exception() != nullptr);
  CHECK_THROWS_WITH(o.value(), "broken");
  CHECK_THROWS_WITH(*o, "broken");
  CHECK_THROWS_WITH(std::move(o).value(), "broken");
}

TEST_CASE("a cancelled outcome throws cancelled_error and has no exception", "[core][outcome]") {
  outcome<int> o;
  o.cancel();
  CHECK(o.cancelled());
  CHECK_FALSE(o);
  CHECK_FALSE(o.failed());
  CHECK(o.exception() == nullptr);
  CHECK_THROWS_AS(o.value(), weft::cancelled_error);
}

TEST_CASE("an outcome of nothing has a value that cannot be used", "[core][outcome]") {
  outcome<> o;
  o.emplace();
  CHECK(o.has_value());
  static_assert(std::is_void_v<decltype(o.value())>);
  static_assert(std::is_void_v<decltype(*std::move(o))>);
  CHECK_NOTHROW(o.value());
}

TEST_CASE("an outcome of a reference refers to the object itself", "[core][outcome]") {
  int number = 1;
  outcome<int&> o;
  o.emplace(number);
  ++o.value();
  ++*std::as_const(o);
  ++*std::move(o);
  CHECK(number == 4);
  CHECK(&o.value() == &number);
  static_assert(std::is_same_v<decltype(std::as_const(o).value()), int&>);
  const outcome<int&> copy = o;
  CHECK(&copy.value() == &number);

  const std::string text = "unchanged";
  outcome<const std::string&> c;
  c.emplace(text);
  CHECK(&c.value() == &text);
}

TEST_CASE("an outcome is as movable and copyable as what it holds", "[core][outcome]") {
  static_assert(std::is_copy_constructible_v<outcome<int>> && std::is_copy_assignable_v<outcome<std::string>>);
  static_assert(std::is_copy_constructible_v<outcome<>> && std::is_copy_constructible_v<outcome<int&>>);
  static_assert(!std::is_copy_constructible_v<outcome<std::unique_ptr<int>>>);
  static_assert(!std::is_copy_assignable_v<outcome<std::unique_ptr<int>>>);
  static_assert(std::is_nothrow_move_constructible_v<outcome<std::unique_ptr<int>>>);

  outcome<std::unique_ptr<int>> o;
  o.emplace(std::make_unique<int>(7));
  outcome<std::unique_ptr<int>> moved(std::move(o));
  CHECK(*moved.value() == 7);
  outcome<std::unique_ptr<int>> assigned;
  assigned = std::move(moved);
  const std::unique_ptr<int> inner = std::move(assigned).value();
  CHECK(*inner == 7);
}

TEST_CASE("copies share the exception and nothing else", "[core][outcome]") {
  outcome<std::string> o;
  o.fail(failure("shared"));
  outcome<std::string> copy(o);
  CHECK(copy.exception() == o.exception());
  copy.emplace("own");
  CHECK(o.failed());
  o = copy;
  CHECK(o.value() == "own");
  CHECK(copy.value() == "own");
  const outcome<std::string>& itself = o;
  o = itself;
  CHECK(o.value() == "own");
  outcome<std::string>& same = o;
  o = std::move(same);
  CHECK(o.value() == "own");
}

TEST_CASE("an outcome whose exception was moved out says so", "[core][outcome]") {
  weft::outcome<int> from;
  from.fail(std::make_exception_ptr(std::runtime_error("broken")));
  const weft::outcome<int> to = std::move(from);
  CHECK_THROWS_WITH(to.value(), "broken");
  if (from.exception() == nullptr) {  // NOLINT(bugprone-use-after-move): that is the point
    CHECK_THROWS_AS(from.value(), weft::invalid_state_error);
  } else {  // libc++ copies an exception_ptr where it could move it
    CHECK_THROWS_WITH(from.value(), "broken");
  }
}

TEST_CASE("what an outcome held is destroyed exactly once", "[core][outcome]") {
  REQUIRE(counted::alive == 0);
  {
    outcome<counted> o;
    o.emplace(1);
    CHECK(counted::alive == 1);
    o.emplace(2);
    CHECK(counted::alive == 1);
    CHECK(o.value().number == 2);
    outcome<counted> copy(o);
    CHECK(counted::alive == 2);
    copy.cancel();
    CHECK(counted::alive == 1);
    copy = o;
    CHECK(counted::alive == 2);
    o.fail(failure("gone"));
    CHECK(counted::alive == 1);
    o = std::move(copy);
    CHECK(o.value().number == 2);
    const outcome<counted> pending;
    o = pending;
    CHECK(o.pending());
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("a value that cannot be made leaves the outcome pending", "[core][outcome]") {
  outcome<counted> o;
  o.emplace(1);
  CHECK_THROWS_AS(o.emplace(-1), std::invalid_argument);
  CHECK(o.pending());
  CHECK(counted::alive == 0);
}

}  // namespace core_outcome_test
