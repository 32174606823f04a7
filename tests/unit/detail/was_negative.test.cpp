// Tests of weft/detail/was_negative.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <weft/detail/was_negative.hpp>

#include <cstddef>
#include <limits>

namespace detail_was_negative_test {

TEST_CASE("a count that was negative is found out, and no other one is", "[detail][was_negative]") {
  using weft::detail::was_negative;
  for (const std::ptrdiff_t n : {std::ptrdiff_t{-1}, std::ptrdiff_t{-2}, std::numeric_limits<std::ptrdiff_t>::min()}) {
    CHECK(was_negative(static_cast<std::size_t>(n)));
  }
  for (const std::ptrdiff_t n : {std::ptrdiff_t{0}, std::ptrdiff_t{1}, std::numeric_limits<std::ptrdiff_t>::max()}) {
    CHECK_FALSE(was_negative(static_cast<std::size_t>(n)));
  }
}

}  // namespace detail_was_negative_test
