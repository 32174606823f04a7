// A doubly linked list whose links live in its elements: linking and unlinking allocate nothing and are O(1).
// SPDX-License-Identifier: MIT
//
// Why not std::list: a node there is an allocation, and removing an element needs its iterator. Here an element leaves
// whatever list it is in without knowing which one, also when the list's owner is another object (a task that is
// cancelled while it waits for another one). An element can be in one list per Tag at a time.
//
//     struct job : weft::detail::list_node<> {};
//     weft::detail::intrusive_list<job> jobs;
//     jobs.push_back(a);
//     a.unlink();
#pragma once

#include <cassert>

namespace weft::detail {

/// The links of an element. Not linked after construction; the element must leave its list before it is destroyed.
template <class Tag = void>
class list_node {
 public:
  list_node() = default;
  list_node(const list_node&) = delete;
  list_node& operator=(const list_node&) = delete;

  bool linked() const noexcept { return next_ != nullptr; }

  /// Takes the element out of the list that it is in; does nothing if it is in none.
  void unlink() noexcept {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = nullptr;
  }

 protected:
  ~list_node() = default;

 private:
  template <class, class>
  friend class intrusive_list;

  list_node* next_ = nullptr;
  list_node* prev_;  // while it is linked
};

/// The list; it owns nothing. T derives from list_node<Tag>.
template <class T, class Tag = void>
class intrusive_list {
  using node = list_node<Tag>;

 public:
  intrusive_list() noexcept { reset(); }
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;
  ~intrusive_list() { assert(empty()); }

  bool empty() const noexcept { return head_.next_ == &head_; }

  /// The first or the last element; the list must not be empty.
  T& front() const noexcept { return element(head_.next_); }
  T& back() const noexcept { return element(head_.prev_); }

  /// The element after this one of the list; null after the last one.
  T* after(T& before) noexcept {
    node* const following = static_cast<node&>(before).next_;
    return following != &head_ ? &element(following) : nullptr;
  }

  /// Links an element that is in no list, at the end.
  void push_back(T& element) noexcept {
    node& n = element;
    assert(!n.linked());
    node* const last = head_.prev_;
    n.next_ = &head_;
    last->next_ = &n;  // in between, or g++ makes one vector of n's links, which takes longer
    n.prev_ = last;
    head_.prev_ = &n;
  }

  /// Links an element that is in no list before one of this list.
  static void insert_before(T& following, T& element) noexcept {
    node& n = element;
    node& next = following;
    assert(!n.linked() && next.linked());
    link(next.prev_, &n);
    link(&n, &next);
  }

  /// Unlinks and returns the first element; the list must not be empty.
  T& pop_front() noexcept {
    node* const first = head_.next_;
    link(&head_, first->next_);
    first->next_ = nullptr;
    return element(first);
  }

  /// Moves all elements of `other` to the end, in their order.
  void splice_back(intrusive_list& other) noexcept {
    if (other.empty()) return;
    link(head_.prev_, other.head_.next_);
    link(other.head_.prev_, &head_);
    other.reset();
  }

  /// Moves all elements of `other` to the beginning, in their order.
  void splice_front(intrusive_list& other) noexcept {
    if (other.empty()) return;
    link(other.head_.prev_, head_.next_);
    link(&head_, other.head_.next_);
    other.reset();
  }

  /// Calls fn for each element in order. fn may unlink its element and insert others before it, and nothing else.
  template <class F>
  void for_each(F fn) const {
    for (node* n = head_.next_; n != &head_;) {
      node* following = n->next_;
      fn(element(n));
      n = following;
    }
  }

 private:
  struct sentinel : node {};

  static T& element(node* n) noexcept { return static_cast<T&>(*n); }
  static void link(node* before, node* after) noexcept {
    before->next_ = after;
    after->prev_ = before;
  }
  void reset() noexcept { link(&head_, &head_); }

  sentinel head_;
};

}  // namespace weft::detail
