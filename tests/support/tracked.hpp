// Objects whose constructions and destructions are counted: nothing may leak, nothing may be destroyed twice.
// SPDX-License-Identifier: MIT
#pragma once

namespace weft_test {

/// How many objects were made, and how many of them are left: below zero if some were destroyed twice.
class census {
 public:
  int made = 0;
  int alive = 0;
};

/// Each copy counts, moved-from ones, too.
class tracked {
 public:
  explicit tracked(census& counts) noexcept : counts_(&counts) { count(); }
  tracked(const tracked& other) noexcept : counts_(other.counts_) { count(); }
  tracked& operator=(const tracked&) = delete;
  ~tracked() { --counts_->alive; }

 private:
  void count() noexcept {
    ++counts_->made;
    ++counts_->alive;
  }

  census* counts_;
};

}  // namespace weft_test
