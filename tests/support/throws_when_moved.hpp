// A result that throws on its way, as a std::deque of libstdc++ does when memory is short.
// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

namespace weft_test {

/// Throws std::runtime_error at its last move: made with a higher number each time, at every place on its way.
class throws_when_moved {
 public:
  explicit throws_when_moved(int& moves_left) noexcept : moves_left_(&moves_left) {}
  throws_when_moved(throws_when_moved&& other) : moves_left_(other.moves_left_) {
    if (--*moves_left_ == 0) throw std::runtime_error("moved");
  }
  throws_when_moved& operator=(throws_when_moved&&) = delete;

 private:
  int* moves_left_;
};

}  // namespace weft_test
