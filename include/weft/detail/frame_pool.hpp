// Recycled memory for coroutine frames and task states: a free list per size class and thread, filled from large
// chunks.
// SPDX-License-Identifier: MIT
//
// Programs make and destroy frames of the same few sizes millions of times a second. A free list serves one in a few
// instructions where malloc and free take ten nanoseconds; where the list is empty, the next piece of a chunk takes a
// few more, and none of malloc's 16 bytes a block. Lists are per thread, so there is no lock; a block may be freed by
// another thread than the one that made it and then stays with that one. What a thread has when it ends goes to the
// threads that need memory later. Chunks are never given back to the system: a block of any thread may lie in them. Off
// under AddressSanitizer, and wherever WEFT_FRAME_POOL is 0.
//
//     void* p = weft::detail::frame_pool::allocate(120);
//     weft::detail::frame_pool::deallocate(p, 120);
#pragma once

#include <weft/detail/config.hpp>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>
#include <utility>

namespace weft::detail {

class frame_pool {
 public:
  /// Memory of at least `size` bytes, aligned for any type that is not over-aligned. Throws std::bad_alloc.
  static void* allocate(std::size_t size) {
    const std::size_t index = size_class(size);
    if (!WEFT_FRAME_POOL || index >= classes) return ::operator new(size);
    if (block* head = mine_.lists[index]; head != nullptr) {
      mine_.lists[index] = head->next;
      return head;
    }
    return carve(index);
  }

  /// Takes back what allocate(size) returned, with the same size.
  static void deallocate(void* memory, std::size_t size) noexcept {
    const std::size_t index = size_class(size);
    if (!WEFT_FRAME_POOL || index >= classes) return ::operator delete(memory);
    if (!keeps_ && !begin_to_keep()) [[unlikely]]
      return give_to_others(memory, index);
    mine_.lists[index] = ::new (memory) block{mine_.lists[index]};
  }

 private:
  struct block {
    block* next;
  };

  static constexpr std::size_t granularity = 16;
  static constexpr std::size_t classes = 65;  // up to 1 KiB; larger frames are rare and go to the system
  static constexpr std::size_t chunk_size = std::size_t{64} * 1024 - granularity;  // and malloc's own bytes
  static std::size_t size_class(std::size_t size) noexcept {
    return size == 0 ? 1 : (size + granularity - 1) / granularity;
  }

  // Free blocks, and what is left of the last chunk.
  struct stock {
    block* lists[classes];
    std::byte* rest;
    std::size_t rest_size;
  };

  // Hands the stock over when the thread ends. Only the slow paths touch the object with the destructor, so that the
  // fast ones need no check whether it was constructed.
  struct hand_over_at_thread_exit {
    hand_over_at_thread_exit() noexcept { keeps_ = true; }
    hand_over_at_thread_exit(const hand_over_at_thread_exit&) = delete;
    hand_over_at_thread_exit& operator=(const hand_over_at_thread_exit&) = delete;
    ~hand_over_at_thread_exit() {
      keeps_ = false;
      ended_ = true;
      const std::lock_guard lock(mutex_);
      keep_rest(mine_);
      for (std::size_t index = 0; index < classes; ++index) {
        while (block* b = mine_.lists[index]) {
          mine_.lists[index] = b->next;
          b->next = std::exchange(others_.lists[index], b);
        }
      }
    }
  };

  WEFT_COLD static bool begin_to_keep() noexcept {
    if (!ended_) {
      thread_local hand_over_at_thread_exit at_exit;
      static_cast<void>(at_exit);
    }
    return keeps_;
  }

  // From destructors of other thread_locals, after the thread's stock has gone.
  WEFT_COLD static void give_to_others(void* memory, std::size_t index) noexcept {
    const std::lock_guard lock(mutex_);
    others_.lists[index] = ::new (memory) block{others_.lists[index]};
  }

  WEFT_OUTLINE static void* carve(std::size_t index) {
    const std::size_t size = index * granularity;
    if (mine_.rest_size < size) [[unlikely]]
      return refill(index);
    mine_.rest_size -= size;
    return std::exchange(mine_.rest, mine_.rest + size);
  }

  // From what other threads have left, or from the system.
  WEFT_COLD static void* refill(std::size_t index) {
    const bool keeps = keeps_ || begin_to_keep();
    const std::lock_guard lock(mutex_);
    if (block* head = others_.lists[index]; head != nullptr) {
      others_.lists[index] = head->next;
      if (keeps) mine_.lists[index] = std::exchange(others_.lists[index], nullptr);
      return head;
    }
    stock& taker = keeps ? mine_ : others_;
    if (taker.rest_size < index * granularity) {
      void* const chunk = ::operator new(chunk_size);
      keep_rest(taker);
      chunks_ = ::new (chunk) block{chunks_};
      taker.rest = static_cast<std::byte*>(chunk) + granularity;
      taker.rest_size = chunk_size - granularity;
    }
    taker.rest_size -= index * granularity;
    return std::exchange(taker.rest, taker.rest + index * granularity);
  }

  // What is left of a chunk becomes blocks.
  static void keep_rest(stock& of) noexcept {
    while (of.rest_size > 0) {
      const std::size_t index = std::min(of.rest_size / granularity, classes - 1);
      of.lists[index] = ::new (of.rest) block{of.lists[index]};
      of.rest += index * granularity;
      of.rest_size -= index * granularity;
    }
  }

  static inline constinit thread_local stock mine_{};
  static inline constinit thread_local bool keeps_ = false;  // between the first use and the end of the thread
  static inline constinit thread_local bool ended_ = false;

  static inline constinit std::mutex mutex_;
  static inline constinit stock others_{};  // what threads that have ended have left
  static inline constinit block* chunks_ =
      nullptr;  // all of them, for leak checkers: nothing else points to their beginnings
};

}  // namespace weft::detail
