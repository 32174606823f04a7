// Tests of weft/flow/generator.hpp: what is yielded, how it ends, generators that hand over to others, and depth.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/small_stack.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/task.hpp>
#include <weft/flow/generator.hpp>
#include <weft/time/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <iterator>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace flow_generator_test {

using namespace std::chrono_literals;
using weft::elements_of;
using weft::generator;
using weft_test::census;
using weft_test::event_log;
using weft_test::on_small_stack;
using weft_test::says_goodbye;
using weft_test::tracked;

generator<int> up_to(int n) {
  for (int i = 0; i < n; ++i) co_yield i;
}

template <class Range>
auto all_of(Range&& range) {
  std::vector<std::ranges::range_value_t<Range>> all;
  for (auto&& element : range) all.push_back(std::forward<decltype(element)>(element));
  return all;
}

using ints = std::vector<int>;
using strings = std::vector<std::string>;

// ---- values and references ----

TEST_CASE("a generator gives its values one by one, each when it is asked for", "[flow][generator]") {
  event_log log;
  const auto body = [&]() -> generator<int> {
    log("start");
    co_yield 1;
    log("between");
    co_yield 2;
    log("end");
  };
  auto g = body();
  CHECK(log.text().empty());
  auto i = g.begin();
  CHECK(*i == 1);
  CHECK(*i == 1);
  CHECK(log.text() == "start");
  ++i;
  CHECK(*i == 2);
  CHECK(log.text() == "start between");
  i++;
  CHECK(i == g.end());
  CHECK(log.text() == "start between end");
}

TEST_CASE("what is yielded by value can be moved out; what is yielded by name is copied", "[flow][generator]") {
  std::string kept = "kept";
  const auto body = [&]() -> generator<std::string> {
    co_yield "made";
    co_yield kept;
    co_yield std::move(kept);
  };
  const strings all = all_of(body());
  CHECK(all == strings{"made", "kept", "kept"});
  CHECK(kept.empty());
  static_assert(std::same_as<std::ranges::range_reference_t<generator<std::string>>, std::string&&>);
  static_assert(std::same_as<std::ranges::range_value_t<generator<const std::string&>>, std::string>);
}

TEST_CASE("a copy that fails is an exception at the co_yield", "[flow][generator]") {
  struct refuses {
    refuses() = default;
    refuses(const refuses&) { throw std::runtime_error("no copy"); }
  };
  std::string caught;
  const auto body = [&]() -> generator<refuses> {
    const refuses one;
    try {
      co_yield one;
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
  };
  auto g = body();
  CHECK(g.begin() == g.end());
  CHECK(caught == "no copy");
}

TEST_CASE("a generator gives what only moves", "[flow][generator]") {
  const auto body = []() -> generator<std::unique_ptr<int>> {
    for (int i = 0; i < 3; ++i) co_yield std::make_unique<int>(i);
  };
  int sum = 0;
  for (std::unique_ptr<int> owner : body()) sum += *owner;
  CHECK(sum == 3);
}

TEST_CASE("a generator of references hands them through", "[flow][generator]") {
  ints numbers{1, 2, 3};
  const auto each = [&]() -> generator<int&> {
    for (int& n : numbers) co_yield n;
  };
  for (int& n : each()) n *= 10;
  CHECK(numbers == ints{10, 20, 30});
  const auto names = []() -> generator<const std::string&> {
    const std::string named = "named";
    co_yield named;
    co_yield "temporary, and long enough to need memory";
    co_yield std::string("another");
  };
  CHECK(all_of(names()) == strings{"named", "temporary, and long enough to need memory", "another"});
  const auto owners = [&]() -> generator<std::unique_ptr<int>&&> { co_yield std::make_unique<int>(5); };
  for (std::unique_ptr<int> owner : owners()) CHECK(*owner == 5);
}

TEST_CASE("what is yielded is destroyed once, when the coroutine goes on or goes", "[flow][generator]") {
  census counts;
  const auto body = [&]() -> generator<tracked> {
    co_yield tracked(counts);
    const tracked named(counts);
    co_yield named;
    co_yield tracked(counts);
  };
  for (const tracked& t : body()) static_cast<void>(t);
  CHECK(counts.made == 4);
  CHECK(counts.alive == 0);
  for (int steps = 1; steps <= 3; ++steps) {
    auto g = body();
    auto i = g.begin();
    for (int n = 1; n < steps; ++n) ++i;
    CHECK(counts.alive > 0);
    g = {};
    CHECK(counts.alive == 0);
  }
}

struct row {
  std::string name;
  int number = 0;
};

TEST_CASE("structs without a constructor are yielded by name, or by reference", "[flow][generator]") {
  const auto copies = []() -> generator<row> {
    row r{"a name that is long enough to need memory", 1};
    co_yield r;
    r.number = 2;
    co_yield r;
  };
  const auto references = []() -> generator<row&> {
    row r{"a name that is long enough to need memory", 3};
    co_yield r;
  };
  int sum = 0;
  for (const row& r : copies()) sum += r.number + static_cast<int>(r.name.size());
  for (row& r : references()) sum += r.number;
  CHECK(sum == 1 + 2 + 3 + 2 * 41);
}

// ---- a range ----

TEST_CASE("a generator is a range for views and algorithms", "[flow][generator]") {
  auto squares = up_to(5) | std::views::transform([](int n) { return n * n; });
  CHECK(all_of(squares) == ints{0, 1, 4, 9, 16});
  CHECK(all_of(up_to(10) | std::views::filter([](int n) { return n % 3 == 0; })) == ints{0, 3, 6, 9});
  CHECK(std::ranges::count_if(up_to(10), [](int n) { return n > 6; }) == 3);
  auto zeros = up_to(3);
  ints copied;
  std::ranges::copy(zeros, std::back_inserter(copied));
  CHECK(copied == ints{0, 1, 2});
}

TEST_CASE("a second loop goes on where the first one was left, as in Python", "[flow][generator]") {
  auto g = up_to(5);
  for (const int n : g) {
    if (n == 1) break;
  }
  CHECK(all_of(g) == ints{2, 3, 4});
  CHECK(all_of(g).empty());
}

TEST_CASE("a generator moves, also while it is iterated over", "[flow][generator]") {
  auto g = up_to(3);
  auto i = g.begin();
  auto moved = std::move(g);
  CHECK_FALSE(static_cast<bool>(g));
  ++i;
  CHECK(*i == 1);
  moved = up_to(1);
  CHECK(all_of(moved) == ints{0});
  static_assert(!std::is_copy_constructible_v<generator<int>> && std::is_nothrow_move_constructible_v<generator<int>>);
}

TEST_CASE("an empty generator says so", "[flow][generator]") {
  generator<int> none;
  CHECK_THROWS_AS(none.begin(), weft::invalid_state_error);
}

TEST_CASE("a generator cannot advance itself", "[flow][generator]") {
  generator<int>* self = nullptr;
  std::string said;
  const auto body = [&]() -> generator<int> {
    try {
      self->begin();
    } catch (const weft::usage_error& e) {
      said = e.what();
    }
    try {
      co_yield elements_of(std::move(*self));
    } catch (const weft::usage_error&) {
      said += " twice";
    }
    co_yield 1;
  };
  auto g = body();
  self = &g;
  CHECK(all_of(g) == ints{1});
  CHECK(said == "weft: the generator is running already; it cannot be advanced from within itself twice");
}

// ---- how it ends ----

TEST_CASE("a generator that is dropped is destroyed where it stands", "[flow][generator]") {
  event_log log;
  const auto body = [&](says_goodbye) -> generator<int> {
    const says_goodbye first(log, "first");
    co_yield 1;
    const says_goodbye second(log, "second");
    co_yield 2;
    log("never");
  };
  { auto unstarted = body(says_goodbye(log, "parameter")); }
  CHECK(log.text() == "parameter");
  log.clear();
  for (const int n : body(says_goodbye(log, "parameter"))) {
    if (n == 2) break;
  }
  CHECK(log.text() == "second first parameter");
}

TEST_CASE("an exception leaves begin() or ++, and ends the generator", "[flow][generator]") {
  const auto body = [](int after) -> generator<int> {
    for (int i = 0; i < after; ++i) co_yield i;
    throw std::runtime_error("broken");
  };
  auto at_once = body(0);
  CHECK_THROWS_AS(at_once.begin(), std::runtime_error);
  CHECK(at_once.begin() == at_once.end());
  auto later = body(1);
  auto i = later.begin();
  CHECK(*i == 0);
  CHECK_THROWS_AS(++i, std::runtime_error);
  CHECK(i == later.end());
  ++i;
  CHECK(i == later.end());
}

// ---- handing over ----

TEST_CASE("elements_of gives all that another generator gives", "[flow][generator]") {
  const auto body = []() -> generator<int> {
    co_yield -1;
    co_yield elements_of(up_to(2));
    co_yield elements_of(up_to(0));
    auto named = up_to(3);
    co_yield elements_of(std::move(named));
    co_yield -2;
  };
  CHECK(all_of(body()) == ints{-1, 0, 1, 0, 1, 2, -2});
}

TEST_CASE("elements_of goes on with a generator that has begun, or has ended", "[flow][generator]") {
  const auto nest = [](generator<int> inner) -> generator<int> {
    co_yield elements_of(std::move(inner));
    co_yield 100;
  };
  auto begun = nest(nest(up_to(4)));
  auto i = begun.begin();
  ++i;
  CHECK(*i == 1);
  CHECK(all_of(nest(std::move(begun))) == ints{2, 3, 100, 100, 100});
  auto ended = up_to(1);
  all_of(ended);
  CHECK(all_of(nest(std::move(ended))) == ints{100});
  CHECK_THROWS_AS(all_of(nest({})), weft::invalid_state_error);
}

TEST_CASE("elements_of gives the elements of any range", "[flow][generator]") {
  const std::list<int> numbers{1, 2};
  const auto body = [&]() -> generator<int> {
    co_yield elements_of(numbers);
    co_yield elements_of(std::vector<int>(2, 7));
    co_yield elements_of(numbers | std::views::reverse);
  };
  CHECK(all_of(body()) == ints{1, 2, 7, 7, 2, 1});
  const auto words = []() -> generator<std::string_view> {
    std::vector<const char*> literals{"a", "b"};
    co_yield elements_of(literals);
    const auto inner = []() -> generator<std::string> { co_yield "c"; };
    for (const std::string& s : inner()) co_yield s;
  };
  std::string joined;
  for (const std::string_view word : words()) joined += word;
  CHECK(joined == "abc");
  ints changed{1, 2};
  const auto references = [&]() -> generator<int&> { co_yield elements_of(changed); };
  for (int& n : references()) ++n;
  CHECK(changed == ints{2, 3});
  const auto widened = []() -> generator<long> { co_yield elements_of(up_to(3)); };
  CHECK(all_of(widened()) == std::vector<long>{0, 1, 2});
}

TEST_CASE("an exception goes through the generators around it, which may handle it and go on", "[flow][generator]") {
  const auto breaks = []() -> generator<int> {
    co_yield 1;
    throw std::runtime_error("broken");
  };
  event_log log;
  const auto passes = [&]() -> generator<int> {
    const says_goodbye guard(log, "unwound");
    co_yield elements_of(breaks());
  };
  const auto handles = [&]() -> generator<int> {
    std::string what;
    try {
      co_yield elements_of(passes());
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    log(what);
    co_yield 2;
    co_yield elements_of(passes());
  };
  auto g = handles();
  auto i = g.begin();
  ++i;
  CHECK(*i == 2);
  CHECK(log.text() == "unwound broken");
  ++i;
  CHECK_THROWS_AS(++i, std::runtime_error);
  CHECK(i == g.end());
}

TEST_CASE("generators inside of each other are destroyed from the inside", "[flow][generator]") {
  event_log log;
  const auto inner = [&](int) -> generator<int> {
    const says_goodbye guard(log, "inner");
    co_yield 1;
  };
  const auto outer = [&]() -> generator<int> {
    const says_goodbye guard(log, "outer");
    co_yield elements_of(inner(0));
  };
  {
    auto g = outer();
    CHECK(*g.begin() == 1);
  }
  CHECK(log.text() == "inner outer");
  log.clear();
  CHECK(all_of(outer()) == ints{1});
  CHECK(log.text() == "inner outer");
}

// A tree, in order: each level hands over to the next.
class node {
 public:
  explicit node(int v) : value(v) {}
  int value;
  std::unique_ptr<node> left;
  std::unique_ptr<node> right;
};

generator<int> in_order(const node* n) {
  if (n == nullptr) co_return;
  co_yield elements_of(in_order(n->left.get()));
  co_yield n->value;
  co_yield elements_of(in_order(n->right.get()));
}

TEST_CASE("a tree is walked through recursively", "[flow][generator]") {
  node root(2);
  root.left = std::make_unique<node>(1);
  root.right = std::make_unique<node>(4);
  root.right->left = std::make_unique<node>(3);
  CHECK(all_of(in_order(&root)) == ints{1, 2, 3, 4});
}

// ---- lambdas and arguments ----

TEST_CASE("make_generator keeps the function and its arguments", "[flow][generator]") {
  census counts;
  const auto make = [&] {
    const auto body = [kept = tracked(counts), n = 2](const tracked&,
                                                      const std::string& text) -> generator<std::string> {
      for (int i = 0; i < n; ++i) co_yield text + std::to_string(i);
    };
    return weft::make_generator(body, tracked(counts), std::string("a text that is long enough to need memory"));
  };
  {
    auto g = make();
    CHECK(counts.alive == 2);
    CHECK(all_of(g) ==
          strings{"a text that is long enough to need memory0", "a text that is long enough to need memory1"});
    auto dropped = make();
    CHECK(*dropped.begin() == "a text that is long enough to need memory0");
  }
  CHECK(counts.alive == 0);
}

// ---- depth, memory ----

generator<int> nest(int depth, bool fail) {
  if (depth == 0 && fail) throw std::runtime_error("from the innermost");
  co_yield depth;
  if (depth > 0) co_yield elements_of(nest(depth - 1, fail));
  co_yield depth;
}

constexpr int deep = 100'000;

TEST_CASE("100,000 generators inside of each other need no stack, and no step gets slower", "[flow][generator][deep]") {
  const weft_test::time_limit limit(60);  // quadratic, it would take minutes
  const long long sum = on_small_stack([] {
    long long total = 0;
    for (const int n : nest(deep, false)) total += n;
    return total;
  });
  CHECK(sum == static_cast<long long>(deep) * (deep + 1));
}

TEST_CASE("100,000 generators inside of each other are destroyed without stack", "[flow][generator][deep]") {
  const int last = on_small_stack([] {
    auto g = nest(deep, false);
    int n = 0;
    for (const int element : g) {
      n = element;
      if (n == 0) break;
    }
    return n + 1;
  });
  CHECK(last == 1);
}

TEST_CASE("an exception goes through 100,000 generators without stack", "[flow][generator][deep]") {
  const weft_test::time_limit limit(60);
  const bool caught = on_small_stack([] {
    try {
      all_of(nest(deep, true));
    } catch (const std::runtime_error&) {
      return true;
    }
    return false;
  });
  CHECK(caught);
}

TEST_CASE("a step allocates nothing, and a frame comes from the pool", "[flow][generator]") {
  if (!weft_test::counts_allocations) return;
  const auto drain = [] {
    long long sum = 0;
    for (const int n : up_to(1000)) sum += n;
    return sum;
  };
  CHECK(drain() == 499'500);
  if (WEFT_FRAME_POOL) CHECK(weft_test::allocations_in([&] { drain(); }) == 0);
  auto g = up_to(1000);
  auto i = g.begin();
  CHECK(weft_test::allocations_in([&] {
          while (i != g.end()) ++i;
        }) == 0);
}

TEST_CASE("a generator works inside of a task, across its waits", "[flow][generator]") {
  weft_test::run_on_virtual_time([]() -> weft::task<> {
    int sum = 0;
    for (const int n : up_to(4)) {
      co_await weft::sleep_for(std::chrono::milliseconds(n));
      sum += n;
    }
    CHECK(sum == 6);
    CHECK(weft_test::now_ms() == 6);
  });
}

}  // namespace flow_generator_test
