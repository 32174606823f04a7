// Tests of weft/detail/timer_heap.hpp: order, removal of anything at any time, memory after a burst.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"

#include <weft/detail/timer_heap.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <utility>
#include <vector>

namespace detail_timer_heap_test {

using weft::detail::timer_heap;

struct alarm : weft::detail::timer_heap_node {};

// The numbers of the alarms in the order in which the heap gives them up.
std::vector<std::size_t> drain(timer_heap<alarm>& heap, const std::vector<alarm>& alarms) {
  std::vector<std::size_t> order;
  while (!heap.empty()) {
    alarm& top = heap.top();
    order.push_back(static_cast<std::size_t>(&top - alarms.data()));
    heap.remove(top);
  }
  return order;
}

TEST_CASE("the earliest deadline is on top", "[detail][timer_heap]") {
  timer_heap<alarm> heap;
  CHECK(heap.empty());
  std::vector<alarm> alarms(5);
  const std::int64_t deadlines[] = {30, 10, 50, 20, 40};
  for (std::size_t i = 0; i < 5; ++i) heap.push(alarms[i], deadlines[i]);
  CHECK(heap.size() == 5);
  CHECK(heap.top_deadline() == 10);
  CHECK(&heap.top() == &alarms[1]);
  CHECK(drain(heap, alarms) == std::vector<std::size_t>{1, 3, 0, 4, 2});
  CHECK(heap.empty());
}

TEST_CASE("equal deadlines leave in the order in which they came", "[detail][timer_heap]") {
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(200);
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < alarms.size(); ++i) {
    heap.push(alarms[i], 7);
    expected.push_back(i);
  }

  SECTION("all of them") { CHECK(drain(heap, alarms) == expected); }

  SECTION("also when some were removed from among them") {
    expected.clear();
    for (std::size_t i = 0; i < alarms.size(); ++i) {
      if (i % 3 == 0)
        heap.remove(alarms[i]);
      else
        expected.push_back(i);
    }
    CHECK(drain(heap, alarms) == expected);
  }

  SECTION("one that leaves and comes again is the last") {
    heap.remove(alarms[0]);
    heap.push(alarms[0], 7);
    expected.erase(expected.begin());
    expected.push_back(0);
    CHECK(drain(heap, alarms) == expected);
  }
}

TEST_CASE("a node knows whether it is in the heap", "[detail][timer_heap]") {
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(3);
  CHECK_FALSE(alarms[0].in_heap());
  for (alarm& a : alarms) heap.push(a, 1);
  for (const alarm& a : alarms) CHECK(a.in_heap());
  heap.remove(alarms[1]);
  CHECK(alarms[0].in_heap());
  CHECK_FALSE(alarms[1].in_heap());
  CHECK(alarms[2].in_heap());
  heap.remove(alarms[0]);
  heap.remove(alarms[2]);
  CHECK_FALSE(alarms[2].in_heap());
  CHECK(heap.empty());
}

TEST_CASE("every deadline that fits into 64 bits is in order", "[detail][timer_heap]") {
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(5);
  using limits = std::numeric_limits<std::int64_t>;
  const std::int64_t deadlines[] = {limits::max(), 0, -1, limits::min(), 1};
  for (std::size_t i = 0; i < 5; ++i) heap.push(alarms[i], deadlines[i]);
  CHECK(heap.top_deadline() == limits::min());
  CHECK(drain(heap, alarms) == std::vector<std::size_t>{3, 2, 1, 4, 0});
}

TEST_CASE("random operations on the heap agree with a simple model", "[detail][timer_heap]") {
  std::vector<alarm> alarms(300);
  std::vector<std::pair<std::int64_t, std::uint64_t>> key_of(alarms.size());
  std::map<std::pair<std::int64_t, std::uint64_t>, alarm*> model;  // in order of deadline, then of arrival
  timer_heap<alarm> heap;
  std::mt19937 random(1);
  std::uint64_t arrivals = 0;

  for (int step = 0; step < 40'000; ++step) {
    // Phases that fill the heap and phases that empty it; few different deadlines, so that many are equal.
    const bool filling = (step / 500) % 2 == 0;
    const std::size_t i = random() % alarms.size();
    const auto action = random() % 10;
    if (alarms[i].in_heap() && (action < 3 || !filling)) {
      heap.remove(alarms[i]);
      model.erase(key_of[i]);
    } else if (!alarms[i].in_heap() && (action > 6 || filling)) {
      key_of[i] = {static_cast<std::int64_t>(random() % 20), ++arrivals};
      heap.push(alarms[i], key_of[i].first);
      model.emplace(key_of[i], &alarms[i]);
    } else if (action == 5 && !heap.empty()) {
      heap.remove(heap.top());
      model.erase(model.begin());
    }
    REQUIRE(heap.size() == model.size());
    REQUIRE(heap.empty() == model.empty());
    if (heap.empty()) continue;
    REQUIRE(&heap.top() == model.begin()->second);
    REQUIRE(heap.top_deadline() == model.begin()->first.first);
  }
  while (!heap.empty()) {
    REQUIRE(&heap.top() == model.begin()->second);
    model.erase(model.begin());
    heap.remove(heap.top());
  }
  CHECK(model.empty());
}

TEST_CASE("timers that are cancelled before anybody looks leave the others in their order, and no memory held",
          "[detail][timer_heap]") {
  std::vector<alarm> alarms(2000);
  std::vector<std::pair<std::int64_t, std::uint64_t>> key_of(alarms.size());
  std::mt19937 random(2);
  std::uint64_t arrivals = 0;
  for (int round = 0; round < 60; ++round) {
    timer_heap<alarm> heap;
    std::map<std::pair<std::int64_t, std::uint64_t>, alarm*> model;
    const int steps = 1 + static_cast<int>(random() % 3000);
    const bool oldest_first = round % 2 == 0;
    const std::size_t some = round % 3 == 0 ? 5 : alarms.size();
    for (int step = 0; step < steps; ++step) {
      const std::size_t i = random() % some;
      if (!alarms[i].in_heap()) {
        key_of[i] = {oldest_first ? step / 3 : static_cast<std::int64_t>(random() % 50), ++arrivals};
        heap.push(alarms[i], key_of[i].first);
        model.emplace(key_of[i], &alarms[i]);
      }
      if (random() % 4 == 0 || model.empty()) continue;
      const std::size_t gone =
          oldest_first ? static_cast<std::size_t>(model.begin()->second - alarms.data()) : random() % some;
      if (!alarms[gone].in_heap()) continue;
      heap.remove(alarms[gone]);
      model.erase(key_of[gone]);
      REQUIRE(heap.size() == model.size());
      REQUIRE(heap.empty() == model.empty());
      REQUIRE(heap.capacity() <= 2 * heap.size() + 100);
    }
    bool in_order = true;
    for (std::int64_t now = 0; !heap.empty(); ++now) {
      while (heap.any_due(now)) {
        in_order = in_order && model.begin()->first.first == now && &heap.top() == model.begin()->second;
        in_order = in_order && &heap.pop() == model.begin()->second;
        model.erase(model.begin());
      }
      in_order = in_order && (model.empty() || model.begin()->first.first > now);
    }
    REQUIRE(in_order);
    REQUIRE(model.empty());
  }
}

TEST_CASE("after four billion timers equal deadlines still leave in the order in which they came",
          "[detail][timer_heap]") {
  constexpr std::uint32_t last_number = std::numeric_limits<std::uint32_t>::max();
  for (std::uint32_t before = 0; before <= 20; ++before) {
    timer_heap<alarm> heap(last_number - before);
    std::vector<alarm> alarms(20);
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < alarms.size(); ++i) heap.push(alarms[i], i % 2 == 0 ? 8 : 7);
    heap.remove(alarms[4]);
    heap.push(alarms[4], 8);
    for (std::size_t i = 1; i < alarms.size(); i += 2) expected.push_back(i);
    for (std::size_t i = 0; i < alarms.size(); i += 2) {
      if (i != 4) expected.push_back(i);
    }
    expected.push_back(4);
    REQUIRE(drain(heap, alarms) == expected);
  }
}

TEST_CASE("a million timers of which nine in ten are cancelled hold memory for those that are left",
          "[detail][timer_heap][stress]") {
  constexpr std::size_t armed = 1'000'000;
  constexpr std::size_t live = armed / 10;
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(armed);
  for (std::size_t i = 0; i < armed; ++i) heap.push(alarms[i], static_cast<std::int64_t>(i * 7919 % armed));
  for (std::size_t i = 0; i < armed; ++i) {
    if (i % 10 != 0) heap.remove(alarms[i]);
  }
  CHECK(heap.size() == live);
  CHECK(heap.capacity() <= 2 * live + 100);

  std::int64_t last = -1;
  bool in_order = true;
  for (std::size_t left = live; left > live / 2; --left) {
    in_order = in_order && heap.top_deadline() > last;
    last = heap.top_deadline();
    heap.remove(heap.top());
  }
  CHECK(in_order);
  for (std::size_t i = 0; i < armed; ++i) {
    if (alarms[i].in_heap()) heap.remove(alarms[i]);
  }
  CHECK(heap.empty());
  CHECK(heap.capacity() <= 1024);
}

TEST_CASE("a heap whose size stays the same allocates nothing", "[detail][timer_heap]") {
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(5000);
  for (std::size_t i = 0; i < alarms.size(); ++i) heap.push(alarms[i], static_cast<std::int64_t>(i));
  const auto allocated = weft_test::allocations_in([&] {
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < alarms.size(); ++i) {
        heap.remove(alarms[i]);
        heap.push(alarms[i], static_cast<std::int64_t>(i * 31 % 1009));
      }
    }
  });
  CHECK(allocated == 0);
}

TEST_CASE("a heap that grows and shrinks by the same few timers does not copy itself each time",
          "[detail][timer_heap]") {
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(40'000);
  for (std::size_t i = 0; i < alarms.size(); ++i) heap.push(alarms[i], static_cast<std::int64_t>(i));
  for (std::size_t end = alarms.size(); end > 2000; --end) {
    heap.remove(alarms[end - 1]);
    const auto allocated = weft_test::allocations_in([&] {
      for (int round = 0; round < 4; ++round) {
        heap.push(alarms[end - 1], 0);
        heap.remove(alarms[end - 1]);
      }
    });
    REQUIRE(allocated <= 2);
  }
}

TEST_CASE("a heap that finds no memory for a timer stays as it was", "[detail][timer_heap]") {
  if (!weft_test::counts_allocations) return;
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(100);
  std::size_t pushed = 0;
  for (; pushed < 10; ++pushed) heap.push(alarms[pushed], 1);
  bool refused = false;
  while (!refused) {
    const weft_test::out_of_memory guard;
    try {
      heap.push(alarms[pushed], 0);
      ++pushed;
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  }
  CHECK(heap.size() == pushed);
  CHECK_FALSE(alarms[pushed].in_heap());
  heap.push(alarms[pushed], 0);
  CHECK(heap.size() == pushed + 1);
}

TEST_CASE("a heap that finds no memory for a smaller copy of itself goes on with the larger one",
          "[detail][timer_heap]") {
  if (!weft_test::counts_allocations) return;
  timer_heap<alarm> heap;
  std::vector<alarm> alarms(10'000);
  for (std::size_t i = 0; i < alarms.size(); ++i) heap.push(alarms[i], static_cast<std::int64_t>(i % 100));
  {
    const weft_test::out_of_memory guard;
    for (std::size_t i = 10; i < alarms.size(); ++i) heap.remove(alarms[i]);
  }
  CHECK(drain(heap, alarms) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

}  // namespace detail_timer_heap_test
