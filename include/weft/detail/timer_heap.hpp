// A priority queue of deadlines from which any entry can be removed: earliest first, and first come first served among
// equals.
// SPDX-License-Identifier: MIT
//
// Why not std::priority_queue: a timer that is cancelled must leave at once, or a program that arms a timeout around
// each request holds memory for requests long gone. So a node knows its slot, and removal is O(log n). Four children a
// node halve the depth of a binary heap, and the four keys compared lie in two cache lines. The keys lie in the heap,
// not behind the node's pointer. Knows neither clock nor loop: a deadline is a number.
//
//     struct alarm : weft::detail::timer_heap_node {};
//     weft::detail::timer_heap<alarm> heap;
//     heap.push(a, 5);
//     heap.remove(a);
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

namespace weft::detail {

template <class Node>
class timer_heap;

/// The part of a heap element that the heap writes: the slot in which it is.
class timer_heap_node {
 public:
  bool in_heap() const noexcept { return slot_ != none; }

 protected:
  timer_heap_node() = default;
  ~timer_heap_node() = default;

 private:
  template <class>
  friend class timer_heap;

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t slot_ = none;
};

/// The heap; it does not own its nodes. Node derives from timer_heap_node and must stay where it is while in the heap.
template <class Node>
class timer_heap {
 public:
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t capacity() const noexcept { return entries_.capacity(); }

  /// The earliest node and its deadline; the heap must not be empty.
  Node& top() const noexcept { return *entries_.front().node; }
  std::int64_t top_deadline() const noexcept { return entries_.front().deadline; }

  /// Adds a node that is in no heap. std::bad_alloc: nothing has changed.
  void push(Node& node, std::int64_t deadline) {
    assert(!node.in_heap());
    entries_.push_back({deadline, ++pushed_, &node});
    rise(entries_.size() - 1, entries_.back());
  }

  /// Removes a node that is in this heap.
  void remove(Node& node) noexcept {
    const std::size_t slot = node.slot_;
    assert(slot < entries_.size() && entries_[slot].node == &node);
    node.slot_ = Node::none;
    const entry last = entries_.back();
    entries_.pop_back();
    if (last.node != &node) {
      if (slot > 0 && last < entries_[parent(slot)]) {
        rise(slot, last);
      } else {
        sink(slot, last);
      }
    }
    if (entries_.capacity() > 2 * entries_.size() + spare) shrink();
  }

 private:
  struct entry {
    std::int64_t deadline;
    std::uint64_t sequence;  // equal deadlines leave in the order in which they came
    Node* node;

    bool operator<(const entry& other) const noexcept {
      return deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence;
    }
  };

  static constexpr std::size_t arity = 4;
  static constexpr std::size_t spare = 100;
  static std::size_t parent(std::size_t slot) noexcept { return (slot - 1) / arity; }

  void place(std::size_t slot, const entry& e) noexcept {
    entries_[slot] = e;
    e.node->slot_ = slot;
  }

  // `e` is a copy: its place in the vector is overwritten on the way.
  void rise(std::size_t slot, const entry e) noexcept {
    while (slot > 0 && e < entries_[parent(slot)]) {
      place(slot, entries_[parent(slot)]);
      slot = parent(slot);
    }
    place(slot, e);
  }

  void sink(std::size_t slot, const entry e) noexcept {
    const std::size_t size = entries_.size();
    for (;;) {
      const std::size_t first = slot * arity + 1;
      if (first >= size) break;
      const std::size_t end = first + arity < size ? first + arity : size;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (entries_[child] < entries_[least]) least = child;
      }
      if (!(entries_[least] < e)) break;
      place(slot, entries_[least]);
      slot = least;
    }
    place(slot, e);
  }

  // Gives memory back after a burst: never more than twice of what is used is held. Before the next copy a quarter of
  // the entries must go, or half as many come. Where there is no memory for the smaller copy, the larger one stays.
  void shrink() noexcept {
    try {
      std::vector<entry> smaller;
      smaller.reserve(entries_.size() + entries_.size() / 2);
      smaller.insert(smaller.end(), entries_.begin(), entries_.end());
      entries_.swap(smaller);
    } catch (const std::bad_alloc&) {
    }
  }

  std::vector<entry> entries_;
  std::uint64_t pushed_ = 0;
};

}  // namespace weft::detail
