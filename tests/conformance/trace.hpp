// The lines that a conformance program prints.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace conformance {

/// The program prints more than any sensible one does.
class endless_program : public std::runtime_error {
 public:
  endless_program() : std::runtime_error("the program prints too many lines") {}
};

class trace {
 public:
  static constexpr std::size_t most_lines = 20'000;  // the reference's limit

  /// One event, `TIME TASK ID TEXT`.
  void event(std::int64_t time, std::string_view who, std::string_view id, std::string_view text) {
    if (closed_) return;
    if (lines_ >= most_lines) {
      full_ = true;
      throw endless_program();
    }
    text_ += std::to_string(time);
    for (const std::string_view word : {who, id, text}) text_.append(1, ' ').append(word);
    end_line();
    if (after_event_) after_event_();
  }

  /// Calls fn() after each event, while the program runs.
  void after_each_event(std::function<void()> fn) { after_event_ = std::move(fn); }

  /// One line of the summary.
  void summary(std::string_view line) {
    text_ += line;
    end_line();
  }

  /// From now on events are dropped: the loop is being taken down.
  void close() { closed_ = true; }

  /// An event was refused. A task that threw `endless_program` may have been the only one to notice.
  bool full() const { return full_; }
  std::size_t lines() const { return lines_; }
  const std::string& text() const { return text_; }

 private:
  void end_line() {
    text_ += '\n';
    ++lines_;
  }

  std::string text_;
  std::function<void()> after_event_;
  std::size_t lines_ = 0;
  bool closed_ = false;
  bool full_ = false;
};

}  // namespace conformance
