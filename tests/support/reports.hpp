// Collects what a loop's exception handler is told, in place of stderr.
// SPDX-License-Identifier: MIT
//
//     weft_test::reports told;                     // outlives the loop: tasks may be reported when that goes
//     ... in a coroutine: told.listen();
//     CHECK(told.text() == "Task exception was never retrieved: 'worker': broken");
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <vector>

namespace weft_test {

class reports {
 public:
  reports() = default;
  reports(const reports&) = delete;
  reports& operator=(const reports&) = delete;

  /// From now on the loop's messages come here.
  void listen(weft::event_loop& loop = weft::event_loop::current()) {
    loop.set_exception_handler([this](const weft::exception_context& context) { add(context); });
  }

  /// How many messages there were.
  std::size_t count() const noexcept { return messages_.size(); }

  /// Gives back the memory of all messages.
  void forget() noexcept { std::vector<std::string>().swap(messages_); }

  /// All messages, separated by " | ": what happened, the task's name in quotes, what the exception says.
  std::string text() const {
    std::string all;
    for (const std::string& message : messages_) all += (all.empty() ? "" : " | ") + message;
    return all;
  }

 private:
  void add(const weft::exception_context& context) {
    std::string line = context.message;
    if (!context.task.empty()) line += ": " + context.task.substr(0, context.task.find(','));
    if (context.exception != nullptr) {
      try {
        std::rethrow_exception(context.exception);
      } catch (const std::exception& e) {
        line += std::string(": ") + e.what();
      } catch (const weft::cancelled_error&) {
        line += ": cancelled_error";
      } catch (...) {
        line += ": something";
      }
    }
    messages_.push_back(line);
  }

  std::vector<std::string> messages_;
};

}  // namespace weft_test
