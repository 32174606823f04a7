// A function with its arguments, to be called again and again.
// SPDX-License-Identifier: MIT
//
// What std::thread keeps is called once and may be used up; here function and arguments are handed over as lvalues.
//
//     weft::detail::bound_call<void (*)(int), int> print_seven(std::in_place, print, 7);
//     print_seven();
#pragma once

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weft::detail {

/// What is kept can be called more than once.
template <class F, class... Args>
concept repeatable_call = std::invocable<std::decay_t<F>&, std::decay_t<Args>&...>;

template <class F, class... Args>
using repeated_result = std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>&...>;

/// F and Args are decayed types.
template <class F, class... Args>
class bound_call {
 public:
  template <class GivenF, class... GivenArgs>
  explicit bound_call(std::in_place_t, GivenF&& fn, GivenArgs&&... args)
      : bound_(std::forward<GivenF>(fn), std::forward<GivenArgs>(args)...) {}

  /// What it returns is dropped.
  void operator()() {
    std::apply([](F& fn, Args&... args) { static_cast<void>(std::invoke(fn, args...)); }, bound_);
  }

 private:
  std::tuple<F, Args...> bound_;
};

}  // namespace weft::detail
