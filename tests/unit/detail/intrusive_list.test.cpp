// Tests of weft/detail/intrusive_list.hpp: order, leaving, moving whole lists.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <weft/detail/intrusive_list.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <random>
#include <type_traits>
#include <vector>

namespace detail_intrusive_list_test {

using weft::detail::intrusive_list;
using weft::detail::list_node;

struct job : list_node<> {
  explicit job(int n) : number(n) {}
  int number;
};

std::vector<int> numbers_of(const intrusive_list<job>& jobs) {
  std::vector<int> numbers;
  jobs.for_each([&](job& j) { numbers.push_back(j.number); });
  return numbers;
}

void clear(intrusive_list<job>& jobs) {
  while (!jobs.empty()) jobs.pop_front();
}

static_assert(!std::is_copy_constructible_v<job> && !std::is_copy_constructible_v<intrusive_list<job>>);

TEST_CASE("a list keeps the order in which elements came", "[detail][intrusive_list]") {
  intrusive_list<job> jobs;
  CHECK(jobs.empty());
  job one(1), two(2), three(3);
  jobs.push_back(one);
  CHECK_FALSE(jobs.empty());
  CHECK(&jobs.front() == &jobs.back());
  jobs.push_back(two);
  jobs.push_back(three);
  CHECK(numbers_of(jobs) == std::vector{1, 2, 3});
  CHECK(jobs.front().number == 1);
  CHECK(jobs.back().number == 3);
  CHECK(&jobs.pop_front() == &one);
  CHECK(numbers_of(jobs) == std::vector{2, 3});
  clear(jobs);
  CHECK(jobs.empty());
}

TEST_CASE("an element leaves whatever list it is in", "[detail][intrusive_list]") {
  intrusive_list<job> jobs;
  job one(1), two(2), three(3);
  CHECK_FALSE(two.linked());
  two.unlink();  // in no list: nothing happens
  CHECK_FALSE(two.linked());
  for (job* j : {&one, &two, &three}) jobs.push_back(*j);
  CHECK(two.linked());

  two.unlink();
  CHECK_FALSE(two.linked());
  CHECK(numbers_of(jobs) == std::vector{1, 3});
  two.unlink();
  CHECK(numbers_of(jobs) == std::vector{1, 3});

  one.unlink();
  three.unlink();
  CHECK(jobs.empty());

  jobs.push_back(two);  // what has left may come again
  CHECK(numbers_of(jobs) == std::vector{2});
  two.unlink();
}

TEST_CASE("a popped element is in no list", "[detail][intrusive_list]") {
  intrusive_list<job> jobs;
  intrusive_list<job> others;
  job one(1);
  jobs.push_back(one);
  CHECK_FALSE(jobs.pop_front().linked());
  others.push_back(one);
  CHECK(jobs.empty());
  CHECK(numbers_of(others) == std::vector{1});
  one.unlink();
}

TEST_CASE("a list moves to the end or the beginning of another in its order", "[detail][intrusive_list]") {
  intrusive_list<job> jobs;
  intrusive_list<job> others;
  job one(1), two(2), three(3), four(4);

  SECTION("to the end") {
    for (job* j : {&one, &two}) jobs.push_back(*j);
    for (job* j : {&three, &four}) others.push_back(*j);
    jobs.splice_back(others);
    CHECK(numbers_of(jobs) == std::vector{1, 2, 3, 4});
  }
  SECTION("to the beginning") {
    for (job* j : {&three, &four}) jobs.push_back(*j);
    for (job* j : {&one, &two}) others.push_back(*j);
    jobs.splice_front(others);
    CHECK(numbers_of(jobs) == std::vector{1, 2, 3, 4});
  }
  SECTION("to the end of an empty one") {
    for (job* j : {&one, &two, &three, &four}) others.push_back(*j);
    jobs.splice_back(others);
    CHECK(numbers_of(jobs) == std::vector{1, 2, 3, 4});
  }
  SECTION("to the beginning of an empty one") {
    for (job* j : {&one, &two, &three, &four}) others.push_back(*j);
    jobs.splice_front(others);
    CHECK(numbers_of(jobs) == std::vector{1, 2, 3, 4});
  }
  SECTION("an empty one changes nothing") {
    for (job* j : {&one, &two, &three, &four}) jobs.push_back(*j);
    jobs.splice_back(others);
    jobs.splice_front(others);
    CHECK(numbers_of(jobs) == std::vector{1, 2, 3, 4});
  }

  CHECK(others.empty());
  CHECK(jobs.front().number == 1);
  CHECK(jobs.back().number == 4);
  three.unlink();  // an element need not know that its list has changed
  CHECK(numbers_of(jobs) == std::vector{1, 2, 4});
  others.push_back(three);  // and the emptied list works as before
  CHECK(numbers_of(others) == std::vector{3});
  clear(jobs);
  clear(others);
}

TEST_CASE("for_each lets the function take its element out", "[detail][intrusive_list]") {
  intrusive_list<job> jobs;
  job one(1), two(2), three(3);
  for (job* j : {&one, &two, &three}) jobs.push_back(*j);
  std::vector<int> seen;
  jobs.for_each([&](job& j) {
    seen.push_back(j.number);
    j.unlink();
  });
  CHECK(seen == std::vector{1, 2, 3});
  CHECK(jobs.empty());
}

TEST_CASE("an element is inserted before another, also by for_each's function before its own",
          "[detail][intrusive_list]") {
  intrusive_list<job> jobs;
  job one(1), two(2), three(3), four(4);
  jobs.push_back(two);
  jobs.push_back(four);
  jobs.insert_before(two, one);
  std::vector<int> seen;
  jobs.for_each([&](job& j) {
    seen.push_back(j.number);
    if (j.number == 4) jobs.insert_before(j, three);
  });
  CHECK(seen == std::vector{1, 2, 4});
  CHECK(numbers_of(jobs) == std::vector{1, 2, 3, 4});
  clear(jobs);
}

TEST_CASE("an element can be in one list per tag", "[detail][intrusive_list]") {
  struct by_age;
  struct by_name;
  struct person : list_node<by_age>, list_node<by_name> {};
  intrusive_list<person, by_age> ages;
  intrusive_list<person, by_name> names;
  person ann, bob;
  ages.push_back(ann);
  ages.push_back(bob);
  names.push_back(bob);
  names.push_back(ann);
  static_cast<list_node<by_age>&>(ann).unlink();
  CHECK(&ages.front() == &bob);
  CHECK(&names.front() == &bob);
  CHECK(&names.back() == &ann);
  CHECK(static_cast<list_node<by_name>&>(ann).linked());
  ages.pop_front();
  names.pop_front();
  names.pop_front();
}

TEST_CASE("random operations on two lists agree with a simple model", "[detail][intrusive_list]") {
  std::vector<std::unique_ptr<job>> all;
  for (int n = 0; n < 20; ++n) all.push_back(std::make_unique<job>(n));
  std::array<intrusive_list<job>, 2> lists;
  std::array<std::deque<int>, 2> model;
  std::mt19937 random(1);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };

  for (int step = 0; step < 5000; ++step) {
    const std::size_t to = below(2);
    const std::size_t from = 1 - to;
    job& j = *all[below(all.size())];
    switch (below(8)) {
      case 0:
        lists[to].splice_back(lists[from]);
        model[to].insert(model[to].end(), model[from].begin(), model[from].end());
        model[from].clear();
        break;
      case 1:
        lists[to].splice_front(lists[from]);
        model[to].insert(model[to].begin(), model[from].begin(), model[from].end());
        model[from].clear();
        break;
      case 2:
        if (lists[to].empty()) break;
        lists[to].pop_front();
        model[to].pop_front();
        break;
      case 3:
      case 4:
        j.unlink();
        for (auto& m : model) std::erase(m, j.number);
        break;
      default:
        if (j.linked()) break;
        lists[to].push_back(j);
        model[to].push_back(j.number);
    }
    for (std::size_t i = 0; i < 2; ++i) {
      REQUIRE(numbers_of(lists[i]) == std::vector<int>(model[i].begin(), model[i].end()));
      REQUIRE(lists[i].empty() == model[i].empty());
    }
  }
  for (auto& list : lists) clear(list);
}

}  // namespace detail_intrusive_list_test
