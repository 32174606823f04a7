// What a fuzzer has made up, taken apart: numbers, and text of few different letters.
// SPDX-License-Identifier: MIT
//
// When it is used up it gives zeros, so each input is a whole program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace weft_fuzz {

/// Ends the program, which a fuzzer calls a finding.
inline void check(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

class fuzz_input {
 public:
  fuzz_input(const std::uint8_t* data, std::size_t size) noexcept : at_(data), left_(size) {}

  bool empty() const noexcept { return left_ == 0; }

  /// A number of 0 to n - 1; n is at most 256.
  std::size_t below(std::size_t n) noexcept {
    if (left_ == 0) return 0;
    --left_;
    return *at_++ % n;
  }

  /// Of four letters, of which one ends lines: what a search looks for comes up often.
  std::string text(std::size_t size) {
    std::string made;
    while (made.size() < size && left_ > 0) made += "ab\nc"[below(4)];
    return made;
  }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

}  // namespace weft_fuzz
