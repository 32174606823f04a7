// Tests of weft/detail/bound_call.hpp: function and arguments last for more than one call.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <weft/detail/bound_call.hpp>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace detail_bound_call_test {

using weft::detail::bound_call;
using weft::detail::repeatable_call;

TEST_CASE("a bound call hands the same arguments over each time", "[detail][bound_call]") {
  std::string log;
  const auto append = [&log](std::string& text, const std::unique_ptr<int>& n) {
    log += text + std::to_string(*n);
    text += '!';
  };
  bound_call<std::decay_t<decltype(append)>, std::string, std::unique_ptr<int>> call(std::in_place, append, "a",
                                                                                     std::make_unique<int>(7));
  call();
  call();
  CHECK(log == "a7a!7");
}

TEST_CASE("a bound call keeps the state of its function", "[detail][bound_call]") {
  int last = 0;
  auto counter = [n = 0, &last]() mutable { return last = ++n; };
  bound_call<decltype(counter)> call(std::in_place, counter);
  call();
  call();
  CHECK(last == 2);
}

TEST_CASE("a bound call takes members and references", "[detail][bound_call]") {
  std::string text;
  bound_call<decltype(static_cast<void (std::string::*)(char)>(&std::string::push_back)),
             std::reference_wrapper<std::string>, char>
      call(std::in_place, &std::string::push_back, std::ref(text), 'x');
  call();
  call();
  CHECK(text == "xx");
}

TEST_CASE("what can be called only once is no repeatable call", "[detail][bound_call]") {
  const auto takes_over = [](std::unique_ptr<int>) {};
  const auto looks = [](const std::unique_ptr<int>&) {};
  STATIC_REQUIRE_FALSE(repeatable_call<decltype(takes_over), std::unique_ptr<int>>);
  STATIC_REQUIRE(repeatable_call<decltype(looks), std::unique_ptr<int>>);
}

}  // namespace detail_bound_call_test
