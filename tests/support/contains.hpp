// "Has this text in it", under the names that Catch2 2.13 and 3 have for it.
// SPDX-License-Identifier: MIT
//
//     CHECK_THROWS_WITH(loop.run_forever(), weft_test::contains("deadlock"));
#pragma once

#include "support/catch.hpp"

#include <string>

namespace weft_test {

inline auto contains(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(part);
#else
  return Catch::Matchers::Contains(part);
#endif
}

}  // namespace weft_test
