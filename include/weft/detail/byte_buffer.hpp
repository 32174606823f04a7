// Bytes that are added at the end and taken from the front.
// SPDX-License-Identifier: MIT
//
// std::string moves everything when something is taken from its front, and std::deque is not contiguous, which a search
// for a line's end wants. What is left is moved to the front only when that makes enough room, so each byte moves a
// bounded number of times. A large block goes as soon as it is empty: ten thousand quiet connections hold no memory.
//
//     weft::detail::byte_buffer b;
//     b.append("hello");
//     b.consume(1);  // b.view() == "ello"
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace weft::detail {

class byte_buffer {
 public:
  byte_buffer() = default;
  byte_buffer(byte_buffer&& other) noexcept
      : data_(std::move(other.data_)),
        capacity_(std::exchange(other.capacity_, 0)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}
  byte_buffer& operator=(byte_buffer&& other) noexcept {
    byte_buffer moved(std::move(other));
    std::swap(data_, moved.data_);
    std::swap(capacity_, moved.capacity_);
    std::swap(begin_, moved.begin_);
    std::swap(end_, moved.end_);
    return *this;
  }
  ~byte_buffer() = default;

  bool empty() const noexcept { return begin_ == end_; }
  std::size_t size() const noexcept { return end_ - begin_; }

  /// What is in it; valid until it is changed.
  std::string_view view() const noexcept { return {data_.get() + begin_, size()}; }

  /// std::bad_alloc: nothing has changed. `bytes` must not be its own.
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (capacity_ - end_ < bytes.size()) make_room(bytes.size());
    std::memcpy(data_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }

  /// The same at the front, in front of what is in it.
  void prepend(std::string_view bytes) {
    if (bytes.empty()) return;
    if (bytes.size() > begin_) {
      byte_buffer both;
      both.make_room(bytes.size() + size());
      both.append(bytes);
      both.append(view());
      *this = std::move(both);
      return;
    }
    begin_ -= bytes.size();
    std::memcpy(data_.get() + begin_, bytes.data(), bytes.size());
  }

  /// At most size().
  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) clear();
  }

  void clear() noexcept {
    begin_ = end_ = 0;
    if (capacity_ > largest_idle) {
      data_.reset();
      capacity_ = 0;
    }
  }

 private:
  static constexpr std::size_t smallest = 512;
  static constexpr std::size_t largest_idle = 4096;

  void make_room(std::size_t n) {
    const std::size_t used = size();
    // Moving half of a block or less, for as much room again, costs each byte a move or two in all.
    if (capacity_ - used >= n && used <= capacity_ / 2) {
      std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
      const std::size_t larger = std::max({smallest, capacity_ * 2, used + n});
      std::unique_ptr<char[]> data(new char[larger]);  // make_unique would clear it
      if (used > 0) std::memcpy(data.get(), data_.get() + begin_, used);
      data_ = std::move(data);
      capacity_ = larger;
    }
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace weft::detail
