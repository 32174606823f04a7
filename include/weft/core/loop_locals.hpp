// Objects that a loop owns without knowing what they are: made when they are first asked for, gone with the loop.
// SPDX-License-Identifier: MIT
//
// Some things exist once a loop, such as the default pool of threads, and are none of the loop's business. A global
// would outlive the loop, and a member would make every loop pay for it. Looked up by type in a list of a few entries.
//
//     struct counter { int n = 0; };
//     ++weft::event_loop::current().local<counter>().n;
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace weft {

class loop_locals {
 public:
  loop_locals() = default;
  loop_locals(const loop_locals&) = delete;
  loop_locals& operator=(const loop_locals&) = delete;
  ~loop_locals() { clear(); }

  /// The T of this loop; default-constructed if there is none yet. Throws what its constructor throws, std::bad_alloc.
  template <class T>
  T& get() {
    if (T* const there = find<T>()) return *there;
    auto held = std::make_unique<holder_of<T>>();
    T& object = held->object;
    entries_.push_back({&tag<T>, std::move(held)});
    return object;
  }

  /// The T of this loop; null if nobody has asked for one yet.
  template <class T>
  T* find() const noexcept {
    for (const entry& e : entries_) {
      if (e.type == &tag<T>) return &static_cast<holder_of<T>&>(*e.held).object;
    }
    return nullptr;
  }

  /// Destroys all of them, the newest first.
  void clear() noexcept {
    while (!entries_.empty()) {
      const std::unique_ptr<holder> newest = std::move(entries_.back().held);
      entries_.pop_back();  // before it is destroyed: its destructor may ask for others, which are then the newest
    }
  }

 private:
  struct holder {
    holder() = default;
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    virtual ~holder() = default;
  };
  template <class T>
  struct holder_of final : holder {
    T object;
  };
  struct entry {
    const void* type;
    std::unique_ptr<holder> held;
  };

  template <class T>
  static inline const char tag = 0;  // its address says which type it is

  std::vector<entry> entries_;
};

}  // namespace weft
