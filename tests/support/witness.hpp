// Says in a log when it is destroyed: for tests of what is destroyed when, and that it is destroyed once.
// SPDX-License-Identifier: MIT
//
//     weft_test::words log;
//     { const weft_test::witness w(log, "first"); }
//     CHECK(log == weft_test::words{"first"});
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace weft_test {

using words = std::vector<std::string>;

/// Movable; one that was moved from says nothing.
class witness {
 public:
  witness(words& log, std::string name) : log_(&log), name_(std::move(name)) {}
  witness(witness&& other) noexcept : log_(std::exchange(other.log_, nullptr)), name_(std::move(other.name_)) {}
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
  ~witness() {
    if (log_ != nullptr) log_->push_back(name_);
  }

  /// Writes "what name" into the log.
  void note(const std::string& what) const { log_->push_back(what + " " + name_); }

 private:
  words* log_;
  std::string name_;
};

}  // namespace weft_test
