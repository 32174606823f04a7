// CPython's random numbers: what random.seed(n) and random.randint(a, b) give in Python, for every 64-bit seed.
// SPDX-License-Identifier: MIT
//
// Both languages have the same engine, the Mersenne Twister, but not the same way into it and out of it: Python fills
// the engine's state with its authors' init_by_array, where C++ has std::seed_seq, and Python makes a number in a range
// by drawing again until one fits, where std::uniform_int_distribution does as each standard library likes.
//
//     python_random random(444);
//     int i = random.randint(0, 10);  // 4, as in Python
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <random>
#include <stdexcept>

class python_random {
 public:
  /// random.seed(seed). Python ignores the sign: -444 gives the numbers of 444.
  template <std::integral Integer>
  explicit python_random(Integer seed) {
    const auto bits = static_cast<std::uint64_t>(seed);
    init_by_array state(seed < 0 ? 0 - bits : bits);
    engine_.seed(state);
  }

  /// random.randint(low, high): a number from low to high, both included.
  int randint(int low, int high) {
    if (high < low) throw std::invalid_argument("python_random::randint(low, high): high must not be less than low");
    const auto width = static_cast<std::uint64_t>(std::int64_t{high} - low) + 1;
    const auto bit_length = static_cast<int>(std::bit_width(width));
    std::uint64_t number = getrandbits(bit_length);
    while (number >= width) number = getrandbits(bit_length);
    return static_cast<int>(low + static_cast<std::int64_t>(number));
  }

  /// random.getrandbits(count), for 1 to 64 bits: the topmost bits of one word, or of a second one above it.
  std::uint64_t getrandbits(int count) {
    if (count <= 32) return word() >> (32 - count);
    const std::uint64_t low = word();
    return (word() >> (64 - count)) << 32 | low;
  }

 private:
  /// A seed sequence that gives std::mt19937 its whole state. The engine takes the words as they are: the standard has
  /// it change them only if all the bits that matter are zero, and the topmost bit of the first word is always one.
  class init_by_array {
   public:
    using result_type = std::uint32_t;

    /// The key is the seed in as few 32-bit words as it needs, the lowest first.
    explicit init_by_array(std::uint64_t seed)
        : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
          key_size_(key_[1] == 0 ? 1 : 2) {}

    void generate(std::uint32_t* state, std::uint32_t* end) const {
      const auto size = static_cast<std::uint32_t>(end - state);
      const auto mixed = [state](std::uint32_t n) { return state[n - 1] ^ (state[n - 1] >> 30); };
      state[0] = 19650218u;
      for (std::uint32_t n = 1; n < size; ++n) state[n] = 1812433253u * mixed(n) + n;

      std::uint32_t n = 1;
      const auto next = [&] {
        if (++n < size) return;
        state[0] = state[size - 1];
        n = 1;
      };
      for (std::uint32_t round = 0; round < size; ++round, next()) {
        const std::uint32_t k = round % key_size_;
        state[n] = (state[n] ^ mixed(n) * 1664525u) + key_[k] + k;
      }
      for (std::uint32_t round = 1; round < size; ++round, next()) state[n] = (state[n] ^ mixed(n) * 1566083941u) - n;
      state[0] = 0x80000000u;
    }

   private:
    std::array<std::uint32_t, 2> key_;
    std::uint32_t key_size_;
  };

  std::uint64_t word() { return engine_(); }

  std::mt19937 engine_;
};
