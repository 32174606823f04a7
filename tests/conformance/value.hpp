// What the tasks of a conformance program return: nothing, an integer, a list, or an error that stands in a list.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace conformance {

/// A value, which prints as FORMAT.md says: `-`, `7`, `[1,-]`, `!User(3)`.
class value {
 public:
  value() noexcept {}  // none; user-declared, since g++ 12 destroys aggregates twice that are made beside a co_await
  explicit value(std::int64_t number) : content_(number) {}
  explicit value(std::vector<value> list) : content_(std::move(list)) {}

  /// The name of an exception, as `describe()` gives it.
  static value error(std::string name) {
    value v;
    v.content_ = std::move(name);
    return v;
  }

  std::string text() const {
    if (const auto* number = std::get_if<std::int64_t>(&content_)) return std::to_string(*number);
    if (const auto* name = std::get_if<std::string>(&content_)) return "!" + *name;
    if (const auto* list = std::get_if<std::vector<value>>(&content_)) {
      std::string result = "[";
      for (const value& item : *list) {
        if (result.size() > 1) result += ',';
        result += item.text();
      }
      return result + "]";
    }
    return "-";
  }

 private:
  std::variant<std::monostate, std::int64_t, std::string, std::vector<value>> content_;
};

}  // namespace conformance
