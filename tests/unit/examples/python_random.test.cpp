// Tests of the examples' random generator against numbers that CPython 3.13 printed.
// SPDX-License-Identifier: MIT

#include "examples/python_random.hpp"

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

namespace examples_python_random_test {

struct sample {
  std::uint64_t magnitude;
  bool negative;
  std::vector<std::uint64_t> words;  // random.seed(s); [random.getrandbits(32) for _ in range(3)]
  std::vector<int> numbers;          // random.seed(s); [random.randint(0, 10) for _ in range(12)]
};

const std::vector<sample> samples{
    {0u, false, {3626764237u, 1654615998u, 3255389356u}, {6, 6, 0, 4, 8, 7, 6, 4, 7, 5, 9, 3}},
    {1u, false, {577090037u, 2444712010u, 3639700191u}, {2, 9, 1, 4, 1, 7, 7, 7, 10, 6, 3, 1}},
    {444u, false, {1326692461u, 1236154736u, 56854717u}, {4, 4, 0, 4, 7, 4, 4, 8, 10, 7, 8, 4}},
    {2147483647u, false, {1364760256u, 4023463762u, 3510513048u}, {5, 1, 3, 4, 5, 0, 8, 3, 2, 3, 8, 7}},
    {2147483648u, false, {1455117090u, 1620553392u, 2169224728u}, {5, 6, 8, 2, 10, 1, 1, 1, 5, 5, 2, 7}},
    {4294967295u, false, {2728839433u, 2661025012u, 872737089u}, {10, 9, 3, 3, 9, 8, 4, 9, 5, 6, 10, 4}},
    {4294967296u, false, {485306839u, 1508871100u, 1794561286u}, {1, 5, 6, 0, 0, 9, 5, 8, 7, 0, 2, 1}},
    {4294967297u, false, {991850117u, 2151679444u, 2200792185u}, {3, 8, 8, 6, 1, 4, 9, 3, 10, 3, 2, 3}},
    {9223372036854775807u, false, {1359979423u, 2819855560u, 2711238091u}, {5, 10, 10, 2, 7, 7, 1, 7, 9, 4, 2, 5}},
    {9223372036854775808u, false, {2377109768u, 1691753470u, 4039908392u}, {8, 6, 3, 3, 8, 1, 5, 5, 8, 4, 7, 10}},
    {18446744073709551615u, false, {93740670u, 1068495656u, 1452108352u}, {0, 3, 5, 9, 3, 7, 9, 1, 5, 0, 3, 8}},
    {1u, true, {577090037u, 2444712010u, 3639700191u}, {2, 9, 1, 4, 1, 7, 7, 7, 10, 6, 3, 1}},
    {444u, true, {1326692461u, 1236154736u, 56854717u}, {4, 4, 0, 4, 7, 4, 4, 8, 10, 7, 8, 4}},
    {2147483648u, true, {1455117090u, 1620553392u, 2169224728u}, {5, 6, 8, 2, 10, 1, 1, 1, 5, 5, 2, 7}},
    {4294967296u, true, {485306839u, 1508871100u, 1794561286u}, {1, 5, 6, 0, 0, 9, 5, 8, 7, 0, 2, 1}},
    {9223372036854775808u, true, {2377109768u, 1691753470u, 4039908392u}, {8, 6, 3, 3, 8, 1, 5, 5, 8, 4, 7, 10}},
};

python_random seeded(const sample& s) {
  // Two's complement: 2**63 is its own negative, and so the lowest 64-bit integer is covered, too.
  return s.negative ? python_random(static_cast<std::int64_t>(0 - s.magnitude)) : python_random(s.magnitude);
}

std::vector<int> draw(python_random random, int low, int high, int count) {
  std::vector<int> numbers;
  for (int n = 0; n < count; ++n) numbers.push_back(random.randint(low, high));
  return numbers;
}

TEST_CASE("a seed gives CPython's words", "[examples]") {
  for (const sample& s : samples) {
    CAPTURE(s.magnitude, s.negative);
    python_random random = seeded(s);
    std::vector<std::uint64_t> words;
    for (int n = 0; n < 3; ++n) words.push_back(random.getrandbits(32));
    CHECK(words == s.words);
  }
}

TEST_CASE("a seed gives CPython's numbers from 0 to 10", "[examples]") {
  for (const sample& s : samples) {
    CAPTURE(s.magnitude, s.negative);
    CHECK(draw(seeded(s), 0, 10, 12) == s.numbers);
  }
}

TEST_CASE("the type of the seed does not matter, only its value", "[examples]") {
  const std::vector<int> expected{2, 9, 1, 4, 1, 7, 7, 7, 10, 6};
  CHECK(draw(python_random(1), 0, 10, 10) == expected);
  CHECK(draw(python_random(-1), 0, 10, 10) == expected);
  CHECK(draw(python_random(1u), 0, 10, 10) == expected);
  CHECK(draw(python_random(std::int8_t{-1}), 0, 10, 10) == expected);
}

TEST_CASE("the numbers stay CPython's when the engine has gone round its state many times", "[examples]") {
  python_random words(444);
  std::uint64_t last = 0;
  for (int n = 0; n < 10'000; ++n) last = words.getrandbits(32);
  CHECK(last == 2088651268u);

  python_random numbers(444);
  std::int64_t sum = 0;  // sum((n + 1) * random.randint(0, 10) for n in range(100000))
  for (std::int64_t n = 0; n < 100'000; ++n) sum += (n + 1) * numbers.randint(0, 10);
  CHECK(sum == 24'999'232'781);
}

TEST_CASE("randint covers every range of int as CPython does", "[examples]") {
  constexpr int lowest = std::numeric_limits<int>::min();
  constexpr int highest = std::numeric_limits<int>::max();
  const auto five = [](int low, int high) { return draw(python_random(444), low, high, 5); };
  CHECK(five(0, 0) == std::vector<int>{0, 0, 0, 0, 0});
  CHECK(five(5, 5) == std::vector<int>{5, 5, 5, 5, 5});
  CHECK(five(1, 6) == std::vector<int>{3, 3, 1, 3, 4});
  CHECK(five(-3, 3) == std::vector<int>{-1, -1, -3, -1, 0});
  CHECK(five(0, highest) == std::vector<int>{1326692461, 1236154736, 56854717, 1327727452, 2080643381});
  CHECK(five(lowest, highest) == std::vector<int>{-820791187, -2090628931, -66840267, 1552544461, -810080499});
}

TEST_CASE("randint refuses an empty range", "[examples]") {
  python_random random(444);
  CHECK_THROWS_AS(random.randint(1, 0), std::invalid_argument);
}

TEST_CASE("getrandbits gives CPython's bits on both sides of a word's length", "[examples]") {
  python_random random(1);
  CHECK(random.getrandbits(1) == 0u);
  CHECK(random.getrandbits(31) == 1222356005u);
  CHECK(random.getrandbits(32) == 3639700191u);
  CHECK(random.getrandbits(33) == 7740669488u);
  CHECK(random.getrandbits(40) == 279443915985u);
  CHECK(random.getrandbits(63) == 4569582132408609673u);
  CHECK(random.getrandbits(64) == 8291646586825371460u);
}

}  // namespace examples_python_random_test
