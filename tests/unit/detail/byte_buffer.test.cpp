// Tests of weft/detail/byte_buffer.hpp: what is added at the end comes out at the front, and how much memory is held.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"

#include <weft/detail/byte_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <random>
#include <string>
#include <type_traits>
#include <utility>

namespace detail_byte_buffer_test {

using weft::detail::byte_buffer;

static_assert(!std::is_copy_constructible_v<byte_buffer>);
static_assert(std::is_nothrow_move_constructible_v<byte_buffer> && std::is_nothrow_move_assignable_v<byte_buffer>);

TEST_CASE("bytes are added at the end of a buffer and taken from its front", "[detail][byte_buffer]") {
  byte_buffer b;
  CHECK(b.empty());
  CHECK(b.view().empty());
  b.append("hello");
  b.append("");
  b.append(" world");
  CHECK(b.size() == 11);
  CHECK(b.view() == "hello world");
  b.consume(6);
  CHECK(b.view() == "world");
  b.consume(0);
  CHECK(b.view() == "world");
  b.consume(5);
  CHECK(b.empty());
  b.append("again");
  b.clear();
  CHECK(b.empty());
  b.append(std::string("\0x", 2));
  CHECK(b.view() == std::string("\0x", 2));
}

TEST_CASE("an empty buffer can be read from, emptied and cleared", "[detail][byte_buffer]") {
  byte_buffer b;
  b.consume(0);
  b.clear();
  b.append("");
  CHECK(b.size() == 0);
  CHECK(weft_test::allocations_in([] {
          const byte_buffer made;
          CHECK(made.empty());
        }) == 0);
}

TEST_CASE("bytes go back to the front of a buffer, with and without room there", "[detail][byte_buffer]") {
  byte_buffer b;
  b.prepend("");
  CHECK(b.empty());
  b.prepend("world");
  CHECK(b.view() == "world");
  b.prepend("hello ");
  CHECK(b.view() == "hello world");
  b.consume(6);
  CHECK(weft_test::allocations_in([&] { b.prepend("HELLO "); }) == 0);
  CHECK(b.view() == "HELLO world");
  const std::string much(5000, 'x');
  b.prepend(much);
  CHECK(b.view() == much + "HELLO world");
  b.append("!");
  CHECK(b.view() == much + "HELLO world!");
}

TEST_CASE("a buffer without memory for what goes back to its front has not changed", "[detail][byte_buffer]") {
  if (!weft_test::counts_allocations) return;
  byte_buffer b;
  b.append("world");
  {
    const weft_test::out_of_memory none;
    CHECK_THROWS_AS(b.prepend("hello "), std::bad_alloc);
  }
  CHECK(b.view() == "world");
}

TEST_CASE("a buffer holds what a string would, whatever is added and taken", "[detail][byte_buffer]") {
  const unsigned seed = GENERATE(1u, 2u, 3u, 4u, 5u);
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto up_to = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
  byte_buffer b;
  std::string model;
  for (int i = 0; i < 3000; ++i) {
    if (up_to(2) != 0) {
      std::string added(up_to(i % 100 == 0 ? 20'000 : 300), ' ');
      for (char& c : added) c = static_cast<char>('a' + up_to(25));
      b.append(added);
      model += added;
    } else {
      const std::size_t taken = up_to(model.size());
      b.consume(taken);
      model.erase(0, taken);
    }
    if (b.view() != model) FAIL("step " << i);
  }
}

TEST_CASE("a buffer that is moved from is empty and can be used", "[detail][byte_buffer]") {
  byte_buffer first;
  first.append("first");
  byte_buffer second(std::move(first));
  CHECK(first.empty());
  CHECK(second.view() == "first");
  first.append("new");
  CHECK(first.view() == "new");
  second = std::move(first);
  CHECK(second.view() == "new");
  CHECK(first.empty());
  first.append("x");
  CHECK(first.view() == "x");
  byte_buffer& itself = second;
  second = std::move(itself);
  CHECK(second.view() == "new");
}

TEST_CASE("a buffer that is filled and emptied in turn does not allocate again", "[detail][byte_buffer]") {
  if (!weft_test::counts_allocations) return;
  byte_buffer b;
  b.append("warm");
  b.consume(4);
  const std::string line(100, 'x');
  CHECK(weft_test::allocations_in([&] {
          for (int i = 0; i < 1000; ++i) {
            b.append(line);
            b.append(line);
            b.consume(150);
            b.consume(50);
          }
        }) == 0);
}

TEST_CASE("a buffer that is never quite empty does not grow for that", "[detail][byte_buffer]") {
  if (!weft_test::counts_allocations) return;
  byte_buffer b;
  const std::string line(100, 'x');
  b.append(line);
  CHECK(weft_test::allocations_in([&] {
          for (int i = 0; i < 10'000; ++i) {
            b.append(line);
            b.consume(100);
          }
        }) == 0);
  CHECK(b.view() == line);
}

TEST_CASE("a large block is given back as soon as the buffer is empty, a small one stays", "[detail][byte_buffer]") {
  if (!weft_test::counts_allocations) return;
  const std::int64_t before = weft_test::live_allocations();
  byte_buffer b;
  b.append("small");
  CHECK(weft_test::live_allocations() == before + 1);
  b.clear();
  CHECK(weft_test::live_allocations() == before + 1);
  b.append(std::string(100'000, 'x'));
  b.consume(99'999);
  CHECK(weft_test::live_allocations() == before + 1);
  b.consume(1);
  CHECK(weft_test::live_allocations() == before);
  b.append("and again");
  CHECK(b.view() == "and again");
}

TEST_CASE("a buffer for which there is no memory has not changed", "[detail][byte_buffer]") {
  if (!weft_test::counts_allocations) return;
  byte_buffer b;
  b.append("kept");
  const std::string large(10'000, 'x');
  bool refused = false;
  {
    const weft_test::out_of_memory none;
    try {
      b.append(large);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  }
  CHECK(refused);
  CHECK(b.view() == "kept");
  b.append("!");
  CHECK(b.view() == "kept!");
}

}  // namespace detail_byte_buffer_test
