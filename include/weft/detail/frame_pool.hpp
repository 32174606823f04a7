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

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
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
  static std::size_t size_class(std::size_t size) noexcept {
    return size == 0 ? 1 : (size + granularity - 1) / granularity;
  }

  // A chunk is small until a thread has many. The pages of a large one are had from the kernel at once, where it can do
  // that: one by one they take longer. It is not asked for huge pages, which it has to find and clear first: that took
  // more than they saved; docs/explanation/performance.md has figures.
  static constexpr std::size_t small_chunk = std::size_t{64} * 1024 - granularity;  // and malloc's own bytes
  static constexpr std::size_t large_chunk = std::size_t{2048} * 1024 - granularity;
  static constexpr std::size_t many_chunks = 32;

  // Free blocks, and what is left of the last chunk.
  struct stock {
    block* lists[classes];
    std::byte* rest;
    std::size_t rest_size;
    std::size_t chunks;
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
      keep_rest();
      for (std::size_t index = 0; index < classes; ++index) {
        if (block* const first = std::exchange(mine_.lists[index], nullptr)) push(others_[index], first);
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
    push(others_[index], ::new (memory) block{nullptr});
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
    if (block* const first = others_[index].exchange(nullptr, std::memory_order_acquire)) {
      block* const more = std::exchange(first->next, nullptr);
      if (keeps) {
        mine_.lists[index] = more;
      } else if (more != nullptr) {
        push(others_[index], more);
      }
      return first;
    }
    if (!keeps) return ::operator new(index* granularity);
    const std::size_t size = mine_.chunks < many_chunks ? small_chunk : large_chunk;
    void* const chunk = ::operator new(size);
    if (size == large_chunk) get_pages(chunk, size);
    keep_rest();
    push(chunks_, ::new (chunk) block{nullptr});
    ++mine_.chunks;
    mine_.rest = static_cast<std::byte*>(chunk) + granularity;
    mine_.rest_size = size - granularity;
    return carve(index);
  }

  static void get_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) noexcept {
#if defined(MADV_POPULATE_WRITE)
    constexpr std::size_t page = std::size_t{64} * 1024;  // of whatever system, or a few of them
    if (std::align(page, page, memory, size) != nullptr) ::madvise(memory, size / page * page, MADV_POPULATE_WRITE);
#endif
  }

  // What is left of a chunk becomes blocks.
  static void keep_rest() noexcept {
    while (mine_.rest_size > 0) {
      const std::size_t index = std::min(mine_.rest_size / granularity, classes - 1);
      mine_.lists[index] = ::new (mine_.rest) block{mine_.lists[index]};
      mine_.rest += index * granularity;
      mine_.rest_size -= index * granularity;
    }
  }

  // Others push and take all at the same time; nobody takes one from the middle.
  static void push(std::atomic<block*>& list, block* first) noexcept {
    block* last = first;
    while (last->next != nullptr) last = last->next;
    last->next = list.load(std::memory_order_relaxed);
    while (!list.compare_exchange_weak(last->next, first, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }

  static inline constinit thread_local stock mine_{};
  static inline constinit thread_local bool keeps_ = false;  // between the first use and the end of the thread
  static inline constinit thread_local bool ended_ = false;

  static inline constinit std::atomic<block*> others_[classes] = {};  // what threads that have ended have left
  static inline constinit std::atomic<block*> chunks_ = nullptr;      // for leak checkers: where memory begins
};

/// For containers that give back and take again small pieces of memory all the time, as std::deque does.
template <class T>
class pool_allocator {
 public:
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  using value_type = T;

  pool_allocator() = default;
  template <class Other>
  pool_allocator(const pool_allocator<Other>&) noexcept {}

  T* allocate(std::size_t n) {
    if (n > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(frame_pool::allocate(n * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t n) noexcept { frame_pool::deallocate(memory, n * sizeof(T)); }

  bool operator==(const pool_allocator&) const = default;
};

}  // namespace weft::detail
