// What happened, in order, as words on one line: `CHECK(log.text() == "start cancelled end")`.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace weft_test {

class event_log {
 public:
  void operator()(std::string_view word) {
    if (!text_.empty()) text_ += ' ';
    text_ += word;
  }
  const std::string& text() const noexcept { return text_; }
  void clear() noexcept { text_.clear(); }

 private:
  std::string text_;
};

/// Writes a word when it is destroyed; moving it hands the duty on.
class says_goodbye {
 public:
  says_goodbye(event_log& log, std::string word) : log_(&log), word_(std::move(word)) {}
  says_goodbye(says_goodbye&& other) noexcept : log_(other.log_), word_(std::move(other.word_)) {
    other.log_ = nullptr;
  }
  says_goodbye& operator=(says_goodbye&&) = delete;
  ~says_goodbye() {
    if (log_ != nullptr) (*log_)(word_);
  }

 private:
  event_log* log_;
  std::string word_;
};

}  // namespace weft_test
