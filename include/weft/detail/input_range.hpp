// std::ranges::input_range without <ranges>, which alone takes a tenth of the time of the headers of the loop to read.
// SPDX-License-Identifier: MIT
//
// <iterator> has all that a function needs which goes through a range once.
//
//     template <weft::detail::input_range Range>
//     std::vector<weft::detail::range_value_t<Range>> kept(Range&& range);
#pragma once

#include <iterator>
#include <utility>

namespace weft::detail {

template <class R>
using iterator_t = decltype(std::ranges::begin(std::declval<R&>()));

template <class R>
concept input_range = requires(R& range) {
  requires std::input_iterator<iterator_t<R>>;
  std::ranges::end(range);
};

template <input_range R>
using range_value_t = std::iter_value_t<iterator_t<R>>;
template <input_range R>
using range_reference_t = std::iter_reference_t<iterator_t<R>>;
template <input_range R>
using range_rvalue_reference_t = std::iter_rvalue_reference_t<iterator_t<R>>;

}  // namespace weft::detail
