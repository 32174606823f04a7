// A reference to an object that may be destroyed first, and is then empty.
// SPDX-License-Identifier: MIT
//
// A lock refers to its mutex and a permit to its semaphore, and usually the mutex lives longer. Not always: when the
// main task ends, what it owned goes, and only then are the tasks cancelled that still used it. In Python the garbage
// collector sees to that; here the lender knows who borrows from it. Linking is a few instructions, no allocation. Not
// std::weak_ptr: that would put every mutex on the heap.
//
//     struct door { weft::detail::lender<door> users; };
//     weft::detail::borrowed<door> d(a_door, a_door.users);
//     if (d) d->...
#pragma once

#include <weft/detail/intrusive_list.hpp>

namespace weft::detail {

template <class T>
class lender;

/// Refers to a T as long as there is one. Movable; empty if default-constructed.
template <class T>
class borrowed : public list_node<lender<T>> {
 public:
  borrowed() noexcept = default;
  borrowed(T& object, lender<T>& from) noexcept { borrow(object, from); }
  borrowed(borrowed&& other) noexcept { take(other); }
  borrowed& operator=(borrowed&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~borrowed() { reset(); }

  explicit operator bool() const noexcept { return object_ != nullptr; }
  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }

  void reset() noexcept {
    this->unlink();
    object_ = nullptr;
  }

 private:
  friend class lender<T>;

  void borrow(T& object, lender<T>& from) noexcept {
    object_ = &object;
    from_ = &from;
    from.borrowers_.push_back(*this);
  }
  void take(borrowed& other) noexcept {
    if (other.object_ == nullptr) return;
    T& object = *other.object_;
    other.reset();
    borrow(object, *other.from_);
  }

  T* object_ = nullptr;
  lender<T>* from_ = nullptr;
};

/// The member of a T from which others borrow it.
template <class T>
class lender {
 public:
  lender() = default;
  lender(const lender&) = delete;
  lender& operator=(const lender&) = delete;
  ~lender() {
    while (!borrowers_.empty()) borrowers_.front().reset();
  }

 private:
  friend class borrowed<T>;

  intrusive_list<borrowed<T>, lender<T>> borrowers_;
};

}  // namespace weft::detail
