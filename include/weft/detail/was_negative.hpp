// Whether a count was a negative number before it became a std::size_t.
// SPDX-License-Identifier: MIT
//
// Where asyncio raises ValueError for -1, C++ converts it to a huge number without a word. Nothing can be counted that
// high: half of the address space is no size of anything.
//
//     if (weft::detail::was_negative(parties)) throw std::invalid_argument("weft: ...");
#pragma once

#include <cstddef>
#include <limits>

namespace weft::detail {

constexpr bool was_negative(std::size_t count) noexcept { return count > std::numeric_limits<std::size_t>::max() / 2; }

static_assert(was_negative(static_cast<std::size_t>(-1)) && !was_negative(0));

}  // namespace weft::detail
