// Tests of weft/core/safe_argument.hpp: what it refuses, and that what it lets pass is destroyed exactly once.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/safe_argument.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/config.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>

#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

namespace core_safe_argument_test {

using weft_test::census;
using weft_test::run_on_virtual_time;
using weft_test::tracked;

constexpr bool refuses = WEFT_GCC_DOUBLE_DESTROYS == 1;

struct owning_aggregate {
  std::string text;
};
struct plain_aggregate {
  int a;
  double b;
};
class with_constructor {
 public:
  explicit with_constructor(std::string s) : text(std::move(s)) {}
  std::string text;
};

weft::task<> holds(tracked) { co_await weft::yield(); }

TEST_CASE("temporaries that g++ destroys twice are refused there, and only those", "[core][safe_argument]") {
  auto captures_nothing = [](int) {};
  const std::string text;
  auto refers = [&text](int) { return text.size(); };
  auto owns = [text](int) { return text.size(); };
  using owning = decltype(owns);
  using view = decltype(std::views::iota(0, 1) | std::views::transform(owns));

  static_assert(weft::safe_argument<owning> == !refuses);
  static_assert(weft::safe_argument<view> == !refuses);
  static_assert(weft::safe_argument<decltype(std::bind_front(owns))> == !refuses);
  static_assert(weft::safe_argument<owning_aggregate> == !refuses);

  static_assert(weft::safe_argument<owning&> && weft::safe_argument<const owning&>);  // it has a name
  static_assert(weft::safe_argument<owning_aggregate&>);
  static_assert(weft::safe_argument<decltype(captures_nothing)> && weft::safe_argument<decltype(refers)>);
  static_assert(weft::safe_argument<decltype(std::views::iota(0, 1) | std::views::transform(refers))>);
  static_assert(weft::safe_argument<plain_aggregate> && weft::safe_argument<with_constructor>);
  static_assert(weft::safe_argument<std::function<void()>> && weft::safe_argument<std::string>);
  static_assert(weft::safe_argument<std::unique_ptr<int>> && weft::safe_argument<std::vector<weft::task<>>>);
  static_assert(weft::safe_argument<weft::task<>> && weft::safe_argument<weft::task_handle<int>>);
  static_assert(weft::safe_argument<int> && weft::safe_argument<void (*)()>);
  CHECK(weft::safe_argument<owning> != refuses);
}

TEST_CASE("what may stand in an awaited call is destroyed exactly once", "[core][safe_argument]") {
  census counts;
  int runs = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    auto named = [&runs, kept = tracked(counts)]() -> weft::task<> {
      ++runs;
      co_await weft::yield();
    };
    auto takes = [&runs](tracked) -> weft::task<> {
      ++runs;
      co_await weft::yield();
    };
    co_await named();
    co_await weft::make_task(named);
    co_await weft::create_task(named);
    co_await weft::gather(named, named);
    co_await takes(tracked(counts));
    co_await weft::make_task(takes, tracked(counts));
    co_await weft::create_task(takes, tracked(counts));
    co_await weft::gather(takes(tracked(counts)), weft::make_task(takes, tracked(counts)));
    co_await weft::create_task(std::function<weft::task<>()>(named));
    co_await weft::create_task(std::bind_front(&holds, tracked(counts)));
    co_await weft::create_task(holds(tracked(counts)), std::string("a name that is too long for the small buffer"));
    auto view = std::views::iota(0, 2) | std::views::transform([&](int) { return named(); });
    co_await weft::gather(view);
    co_await weft::gather(std::views::iota(0, 2) | std::views::transform([&](int) { return takes(tracked(counts)); }));
    CHECK(counts.alive == 1);  // what `named` itself holds
  });
  CHECK(runs == 15);
  CHECK(counts.made > runs);
  CHECK(counts.alive == 0);
}

}  // namespace core_safe_argument_test
