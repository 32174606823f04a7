// Refuses, on the compilers that miscompile it, a temporary that owns something as an argument of an awaited call.
// SPDX-License-Identifier: MIT
//
// g++ 12 to 14 destroys temporary closures and aggregates twice when they stand in the same expression as a co_await:
// `co_await create_task([owned] {...})` frees `owned` two times, silently. Named on a line of its own the same lambda
// is safe, and so are its captures passed as arguments; so weft makes the temporary a compile error. A temporary that
// was made from a closure (a view, what std::bind_front returns) counts as one, since the closure stands in the same
// expression. Classes with a constructor of their own are safe. What is moved from a name cannot be told from a
// temporary and is refused, too: pass what it owns as arguments, or keep it in a std::unique_ptr. On other compilers
// the check is always true.
//
//     static_assert(weft::safe_argument<F>, WEFT_UNSAFE_ARGUMENT_ADVICE);
#pragma once

#include <weft/detail/config.hpp>

#include <string_view>
#include <type_traits>

namespace weft {

namespace detail {

// A closure type, and what contains one, can only be told by its name.
template <class F>
constexpr bool names_closure() {
  return std::string_view(__PRETTY_FUNCTION__).find("<lambda") != std::string_view::npos;
}

}  // namespace detail

/// F is deduced for a forwarding reference: a reference type for an lvalue.
template <class F>
inline constexpr bool safe_argument =
    !WEFT_GCC_DOUBLE_DESTROYS || std::is_reference_v<F> || std::is_trivially_destructible_v<F> || !std::is_class_v<F> ||
    !(std::is_aggregate_v<F> || detail::names_closure<F>());

}  // namespace weft
