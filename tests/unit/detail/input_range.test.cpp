// Tests of weft/detail/input_range.hpp: it means what <ranges> means.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <weft/detail/input_range.hpp>

#include <array>
#include <forward_list>
#include <istream>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace detail_input_range_test {

// Whether both mean the same of R, which is a range of T's, if it is one at all.
template <class R>
constexpr bool agree() {
  if constexpr (!std::ranges::input_range<R>) {
    return !weft::detail::input_range<R>;
  } else {
    return weft::detail::input_range<R> && std::is_same_v<weft::detail::iterator_t<R>, std::ranges::iterator_t<R>> &&
           std::is_same_v<weft::detail::range_value_t<R>, std::ranges::range_value_t<R>> &&
           std::is_same_v<weft::detail::range_reference_t<R>, std::ranges::range_reference_t<R>> &&
           std::is_same_v<weft::detail::range_rvalue_reference_t<R>, std::ranges::range_rvalue_reference_t<R>>;
  }
}

template <class R>
constexpr bool agree_however_it_is_given() {
  return agree<R>() && agree<R&>() && agree<const R&>() && agree<R&&>() && agree<const R>();
}

// Its iterator only writes.
struct sink {
  std::back_insert_iterator<std::vector<int>> begin();
  std::back_insert_iterator<std::vector<int>> end();
};

// begin() is not for const ones.
struct changes_as_it_is_read {
  int* begin();
  int* end();
};

struct has_no_end {
  int* begin();
};

using a_view = decltype(std::declval<std::vector<int>&>() | std::views::transform([](int i) { return i + 1; }));

TEST_CASE("what counts as a range, and of what, is what the standard library says", "[detail][input_range]") {
  STATIC_REQUIRE(agree_however_it_is_given<std::vector<std::unique_ptr<int>>>());
  STATIC_REQUIRE(agree_however_it_is_given<std::vector<bool>>());
  STATIC_REQUIRE(agree_however_it_is_given<std::list<std::string>>());
  STATIC_REQUIRE(agree_however_it_is_given<std::forward_list<int>>());
  STATIC_REQUIRE(agree_however_it_is_given<std::map<int, std::string>>());
  STATIC_REQUIRE(agree_however_it_is_given<std::array<int, 3>>());
  STATIC_REQUIRE(agree_however_it_is_given<std::span<const int>>());
  STATIC_REQUIRE(agree_however_it_is_given<a_view>());
  STATIC_REQUIRE(agree_however_it_is_given<int[3]>());
  STATIC_REQUIRE(agree<std::ranges::istream_view<int>>());
}

TEST_CASE("what is no range, or cannot be read, is none", "[detail][input_range]") {
  STATIC_REQUIRE(agree_however_it_is_given<int>());
  STATIC_REQUIRE(agree_however_it_is_given<int*>());
  STATIC_REQUIRE(agree_however_it_is_given<sink>());
  STATIC_REQUIRE(agree_however_it_is_given<changes_as_it_is_read>());
  STATIC_REQUIRE(agree_however_it_is_given<has_no_end>());
  STATIC_REQUIRE_FALSE(weft::detail::input_range<sink>);
  STATIC_REQUIRE_FALSE(weft::detail::input_range<const changes_as_it_is_read&>);
  STATIC_REQUIRE(weft::detail::input_range<changes_as_it_is_read&>);
}

}  // namespace detail_input_range_test
