// What a suspended coroutine knows of the others in its task: the link from a promise to the one that awaits it.
// SPDX-License-Identifier: MIT
//
// Coroutines that await each other directly form a chain, root to leaf. Each link knows the link that awaits it and the
// line at which it is, so that a report can show who waits where, like a stack trace. It does not know its task: a
// coroutine runs in the task whose step runs, task_state::current().
#pragma once

#include <weft/detail/config.hpp>

#include <coroutine>
#include <cstddef>
#include <source_location>
#include <string>
#include <string_view>

namespace weft {

/// "file:line (function)", for people.
std::string to_string(const std::source_location& where);

/// The base of every promise.
class chain_link {
 public:
  chain_link(const chain_link&) = delete;
  chain_link& operator=(const chain_link&) = delete;

  chain_link* awaited_by() const noexcept { return parent_; }
  std::coroutine_handle<> coroutine() noexcept { return std::coroutine_handle<chain_link>::from_promise(*this); }

  /// The co_await that this coroutine is at; before its first one, the coroutine itself.
  const std::source_location& where() const noexcept { return where_; }
  void at(const std::source_location& where) noexcept { where_ = where; }

  /// A coroutine of the library that only keeps something alive for the one that it awaits; reports leave it out.
  bool stands_for_another() const noexcept { return where_.line() == 0; }

  void set_awaited_by(chain_link* parent) noexcept { parent_ = parent; }

 protected:
  explicit chain_link(const std::source_location& where) noexcept : where_(where) {}
  ~chain_link() = default;

 private:
  chain_link* parent_ = nullptr;
  std::source_location where_;
};

// ---- details ----

WEFT_COLD inline std::string to_string(const std::source_location& where) {
  std::string_view function = where.function_name();
  // Inside a coroutine g++ names the function that it made of it: "void f(f()::_Z1fv.Frame*)". Back to "f".
  if (function.ends_with(".Frame*)")) {
    std::size_t open = function.size();
    int depth = 0;
    do {
      --open;
      depth += function[open] == ')' ? 1 : function[open] == '(' ? -1 : 0;
    } while (depth > 0 && open > 0);
    function = function.substr(0, open);
    if (function.starts_with("void ")) function.remove_prefix(5);
  }
  std::string text = where.file_name();
  text += ':';
  text += std::to_string(where.line());
  text += " (";
  text += function;
  text += ')';
  return text;
}

}  // namespace weft
