// Tests of weft/detail/borrow.hpp: references that are empty once what they refer to has gone.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"

#include <weft/detail/borrow.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace detail_borrow_test {

struct door {
  int number = 7;
  weft::detail::lender<door> users;
};
using borrowed_door = weft::detail::borrowed<door>;

TEST_CASE("a borrowed reference is empty until it borrows, and after reset()", "[detail][borrow]") {
  door d;
  borrowed_door none;
  CHECK_FALSE(none);
  CHECK(none.get() == nullptr);
  borrowed_door some(d, d.users);
  REQUIRE(some);
  CHECK(some->number == 7);
  some.reset();
  CHECK_FALSE(some);
  some.reset();
  CHECK_FALSE(some);
}

TEST_CASE("all who borrow from an object are told when it goes", "[detail][borrow]") {
  auto d = std::make_unique<door>();
  std::vector<borrowed_door> users;
  users.reserve(3);
  for (int i = 0; i < 3; ++i) users.emplace_back(*d, d->users);
  users[1].reset();
  d.reset();
  for (const borrowed_door& user : users) CHECK_FALSE(user);
}

TEST_CASE("a borrowed reference that is moved leaves an empty one, and is told in its new place", "[detail][borrow]") {
  auto d = std::make_unique<door>();
  borrowed_door first(*d, d->users);
  borrowed_door second(std::move(first));
  CHECK_FALSE(first);
  CHECK(second.get() == d.get());
  borrowed_door third;
  third = std::move(second);
  CHECK_FALSE(second);
  CHECK(third.get() == d.get());
  third = borrowed_door();
  CHECK_FALSE(third);
  borrowed_door fourth(*d, d->users);
  std::swap(third, fourth);
  CHECK(third.get() == d.get());
  CHECK_FALSE(fourth);
  d.reset();
  CHECK_FALSE(third);
}

TEST_CASE("one that borrowed may go before the object", "[detail][borrow]") {
  door d;
  {
    const borrowed_door user(d, d.users);
    CHECK(user);
  }
  const borrowed_door other(d, d.users);
  CHECK(other.get() == &d);
}

TEST_CASE("borrowing allocates nothing", "[detail][borrow]") {
  if (!weft_test::counts_allocations) return;
  door d;
  CHECK(weft_test::allocations_in([&] {
          borrowed_door a(d, d.users);
          const borrowed_door b(std::move(a));
        }) == 0);
}

}  // namespace detail_borrow_test
