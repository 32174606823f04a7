// A priority queue of deadlines from which any entry can be removed: earliest first, and first come first served among
// equals.
// SPDX-License-Identifier: MIT
//
// Why not std::priority_queue: a timer that is cancelled must leave at once, or a program that arms a timeout around
// each request holds memory for requests long gone. Such timeouts are also the reason for how entries leave: nearly all
// are cancelled long before they are due, so a node knows its slot, where only a dead entry stays. That one goes when
// it is the earliest and somebody looks for what is due, or with others, when memory would have to be found. So
// cancelling takes a few instructions, and never are there more dead entries than living ones and a few.
//
// With a million timers every step is a cache miss, so the deadlines lie in the heap, not behind the node's pointer;
// four children a node halve the depth of a binary heap; four siblings fill exactly one cache line. What decides
// between equal deadlines, and only then, is in the nodes. Knows neither clock nor loop: a deadline is a number.
//
//     struct alarm : weft::detail::timer_heap_node {};
//     weft::detail::timer_heap<alarm> heap;
//     heap.push(a, 5);
//     heap.remove(a);
#pragma once

#include <weft/detail/config.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <type_traits>
#include <vector>

namespace weft::detail {

template <class Node>
class timer_heap;

/// The part of a heap element that the heap writes: the slot in which it is, and when it came.
class timer_heap_node {
 public:
  bool in_heap() const noexcept { return slot_ != none; }
  /// In a heap, or once it was.
  bool was_pushed() const noexcept { return sequence_ != 0; }

 protected:
  timer_heap_node() = default;
  ~timer_heap_node() = default;

 private:
  template <class>
  friend class timer_heap;

  static constexpr std::uint32_t none = 0;
  std::uint32_t slot_ = none;
  std::uint32_t sequence_ = 0;
};

/// The heap; it does not own its nodes. Node derives from timer_heap_node and must stay where it is while in the heap.
template <class Node>
class timer_heap {
 public:
  /// `pushed`: how many nodes count as having come before.
  explicit timer_heap(std::uint32_t pushed = 0) noexcept : pushed_(pushed) {}

  bool empty() const noexcept { return entries_.size() <= root; }
  std::size_t size() const noexcept { return empty() ? 0 : entries_.size() - root - dead_; }
  std::size_t capacity() const noexcept { return entries_.capacity(); }

  /// The earliest node and its deadline; the heap must not be empty.
  Node& top() noexcept {
    for (; !entries_[root].alive(); --dead_) take_root();
    return entries_[root].node();
  }
  std::int64_t top_deadline() noexcept {
    top();
    return entries_[root].deadline;
  }

  /// Removes the earliest node and returns it; the heap must not be empty.
  Node& pop() noexcept {
    Node& earliest = top();
    earliest.slot_ = Node::none;
    take_root();
    if (entries_.capacity() > 2 * size() + spare) shrink();
    return earliest;
  }

  /// Whether there is a node with a deadline of `now` or before: top().
  bool any_due(std::int64_t now) noexcept {
    return !empty() && entries_[root].deadline <= now && top_deadline() <= now;
  }

  /// Adds a node that is in no heap. std::bad_alloc: nothing has changed.
  void push(Node& node, std::int64_t deadline) {
    assert(!node.in_heap());
    if (entries_.size() == entries_.capacity()) [[unlikely]]
      make_room();
    if (pushed_ == most) [[unlikely]]
      renumber();
    const entry e(deadline, node);
    entries_.push_back(e);
    node.sequence_ = ++pushed_;
    rise(entries_.size() - 1, e);
  }

  /// Removes a node that is in this heap.
  void remove(Node& node) noexcept {
    const std::size_t slot = node.slot_;
    assert(slot < entries_.size() && entries_[slot].is(node));
    node.slot_ = Node::none;
    if (slot + 1 == entries_.size()) {
      entries_.pop_back();
    } else {
      entries_[slot].die();
      ++dead_;
    }
    drop_dead_at_end();
    if (entries_.capacity() > 2 * size() + spare) shrink();
  }

 private:
  // A node, or what is left of one: the number that decides between equal deadlines.
  class entry {
   public:
    entry() = default;
    entry(std::int64_t when, Node& node) noexcept : deadline(when), who_(reinterpret_cast<std::uintptr_t>(&node)) {}

    bool alive() const noexcept { return who_ % 2 == 0; }
    void die() noexcept { who_ = std::uint64_t{sequence()} * 2 + 1; }
    Node& node() const noexcept { return *reinterpret_cast<Node*>(static_cast<std::uintptr_t>(who_)); }
    bool is(const Node& node) const noexcept { return who_ == reinterpret_cast<std::uintptr_t>(&node); }

    // Equal deadlines leave in the order in which they came.
    bool operator<(const entry& other) const noexcept {
      return deadline != other.deadline ? deadline < other.deadline : sequence() < other.sequence();
    }

    std::int64_t deadline = 0;

   private:
    std::uint32_t sequence() const noexcept {
      return alive() ? node().sequence_ : static_cast<std::uint32_t>(who_ / 2);
    }

    std::uint64_t who_ = 0;
  };
  static_assert(alignof(Node) % 2 == 0 && std::is_trivially_copyable_v<entry>);

  // Memory that begins at a cache line.
  template <class T>
  struct cache_line_allocator {
    using value_type = T;
    static constexpr std::align_val_t line{64};
    cache_line_allocator() = default;
    template <class Other>
    cache_line_allocator(const cache_line_allocator<Other>&) noexcept {}
    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), line)); }
    void deallocate(T* p, std::size_t) noexcept { ::operator delete(p, line); }
    bool operator==(const cache_line_allocator&) const = default;
  };
  using entries = std::vector<entry, cache_line_allocator<entry>>;

  // The root is in slot 3, so that siblings begin at a multiple of four. The slots before it are not used.
  static constexpr std::size_t arity = 4;
  static constexpr std::size_t root = arity - 1;
  static constexpr std::size_t spare = 90;
  static constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();  // slots, and numbers
  static std::size_t parent(std::size_t slot) noexcept { return slot / arity + 2; }
  static std::size_t first_child(std::size_t slot) noexcept { return (slot - 2) * arity; }

  void place(std::size_t slot, const entry& e) noexcept {
    entries_[slot] = e;
    if (e.alive()) e.node().slot_ = static_cast<std::uint32_t>(slot);
  }

  // `e` is a copy: its place in the vector is overwritten on the way.
  void rise(std::size_t slot, const entry e) noexcept {
    while (slot > root && e < entries_[parent(slot)]) {
      place(slot, entries_[parent(slot)]);
      slot = parent(slot);
    }
    place(slot, e);
  }

  // The earliest of the siblings that begin at `first`. Which one that is cannot be predicted, so where there are four,
  // and no two of them equal, they are compared without a branch.
  std::size_t earliest_from(std::size_t first) const noexcept {
    const std::size_t count = std::min(entries_.size() - first, arity);
    const entry* const e = &entries_[first];
    if (count == arity) {
      const std::size_t left = e[1].deadline < e[0].deadline ? 1 : 0;
      const std::size_t right = e[3].deadline < e[2].deadline ? 3 : 2;
      const std::size_t least = e[right].deadline < e[left].deadline ? right : left;
      const std::int64_t d = e[least].deadline;
      const int equal = (e[0].deadline == d) + (e[1].deadline == d) + (e[2].deadline == d) + (e[3].deadline == d);
      if (equal == 1) [[likely]]
        return first + least;
    }
    return first + static_cast<std::size_t>(std::min_element(e, e + count) - e);
  }

  void sink(std::size_t slot, const entry e) noexcept {
    const std::size_t size = entries_.size();
    for (;;) {
      const std::size_t first = first_child(slot);
      if (first >= size) break;
      const std::size_t least = earliest_from(first);
      if (!(entries_[least] < e)) break;
      place(slot, entries_[least]);
      slot = least;
    }
    place(slot, e);
  }

  void take_root() noexcept {
    const entry last = entries_.back();
    entries_.pop_back();
    if (empty()) return;
    sink(root, last);
    drop_dead_at_end();
  }

  // After each removal, so that a heap of dead entries is empty.
  void drop_dead_at_end() noexcept {
    for (; dead_ > 0 && !entries_.back().alive(); --dead_) entries_.pop_back();
  }

  // For one entry more. The dead are buried if that gives room for many.
  WEFT_OUTLINE void make_room() {
    if (entries_.empty()) {
      entries_.reserve(arity * arity);
      entries_.resize(root);
    } else if (dead_ > size() / 4) {
      bury();
    } else if (entries_.size() >= most) {
      throw std::bad_alloc();
    } else {
      entries_.reserve(std::min<std::size_t>(2 * entries_.size(), most));
    }
  }

  // Leaves out the dead.
  WEFT_OUTLINE void bury() noexcept {
    if (dead_ == 0) return;
    dead_ = 0;
    std::size_t end = root;
    for (std::size_t slot = root; slot < entries_.size(); ++slot) {
      if (entries_[slot].alive()) place(end++, entries_[slot]);
    }
    entries_.resize(end);
    if (empty()) return;
    for (std::size_t slot = parent(entries_.size() - 1); slot >= root; --slot) sink(slot, entries_[slot]);
  }

  // Once in four billion pushes the numbers begin anew: what is sorted is a heap, too.
  WEFT_COLD void renumber() noexcept {
    bury();
    const auto compare = [](const void* a, const void* b) {
      return *static_cast<const entry*>(a) < *static_cast<const entry*>(b) ? -1 : 1;
    };
    std::qsort(entries_.data() + root, size(), sizeof(entry), compare);
    pushed_ = 0;
    for (std::size_t slot = root; slot < entries_.size(); ++slot) {
      place(slot, entries_[slot]);
      entries_[slot].node().sequence_ = ++pushed_;
    }
  }

  // Gives memory back after a burst: never more than twice of what is used is held. Before the next copy a quarter of
  // the entries must go, or half as many come. Where there is no memory for the smaller copy, the larger one stays.
  WEFT_OUTLINE void shrink() noexcept {
    bury();
    try {
      entries smaller;
      smaller.reserve(entries_.size() + entries_.size() / 2);
      smaller.insert(smaller.end(), entries_.begin(), entries_.end());
      entries_.swap(smaller);
    } catch (const std::bad_alloc&) {
    }
  }

  entries entries_;
  std::size_t dead_ = 0;
  std::uint32_t pushed_;
};

}  // namespace weft::detail
