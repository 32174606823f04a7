// Recycled memory for coroutine frames and task states: a free list per size class and thread.
// SPDX-License-Identifier: MIT
//
// Programs make and destroy frames of the same few sizes millions of times a second. A free list serves one in a few
// instructions where malloc and free take ten nanoseconds. Lists are per thread, so there is no lock; a block may be
// freed by another thread than the one that made it and then stays with that one. Blocks go back to the system when the
// thread ends. Off under AddressSanitizer, and wherever WEFT_FRAME_POOL is 0.
//
//     void* p = weft::detail::frame_pool::allocate(120);
//     weft::detail::frame_pool::deallocate(p, 120);
#pragma once

#include <weft/detail/config.hpp>

#include <cstddef>
#include <new>

namespace weft::detail {

class frame_pool {
 public:
  /// Memory of at least `size` bytes, aligned for any type that is not over-aligned. Throws std::bad_alloc.
  static void* allocate(std::size_t size) {
    const std::size_t index = size_class(size);
    if (!WEFT_FRAME_POOL || index >= classes) return ::operator new(size);
    if (block* head = lists_[index]; head != nullptr) {
      lists_[index] = head->next;
      return head;
    }
    return refill(index);
  }

  /// Takes back what allocate(size) returned, with the same size.
  static void deallocate(void* memory, std::size_t size) noexcept {
    const std::size_t index = size_class(size);
    if (!WEFT_FRAME_POOL || index >= classes || !keeps_) [[unlikely]] {
      if (!WEFT_FRAME_POOL || index >= classes || !open_lists()) return ::operator delete(memory);
    }
    lists_[index] = ::new (memory) block{lists_[index]};
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

  // Gives the lists back when the thread ends. What is freed after that, by destructors of other thread_locals, goes to
  // the system directly.
  struct drain_at_thread_exit {
    drain_at_thread_exit() noexcept { keeps_ = true; }
    drain_at_thread_exit(const drain_at_thread_exit&) = delete;
    drain_at_thread_exit& operator=(const drain_at_thread_exit&) = delete;
    ~drain_at_thread_exit() {
      keeps_ = false;
      ended_ = true;
      for (block*& list : lists_) {
        while (list != nullptr) {
          block* following = list->next;
          ::operator delete(list);
          list = following;
        }
      }
    }
  };

  // Only the slow paths touch the object with the destructor, so that the fast ones need no check whether it was
  // constructed.
  WEFT_COLD static bool open_lists() noexcept {
    if (!ended_) {
      thread_local drain_at_thread_exit drain;
      static_cast<void>(drain);
    }
    return keeps_;
  }

  WEFT_COLD static void* refill(std::size_t index) {
    open_lists();
    return ::operator new(index* granularity);
  }

  static inline constinit thread_local block* lists_[classes] = {};
  static inline constinit thread_local bool keeps_ = false;  // between the first use and the end of the thread
  static inline constinit thread_local bool ended_ = false;
};

}  // namespace weft::detail
