// A strict reader for JSON (RFC 8259), small enough to be read in one sitting.
// SPDX-License-Identifier: MIT
//
// The conformance programs are JSON, and weft's tests must not need a package for that. Strict: everything that the
// grammar does not allow is an error, and so are duplicate keys, invalid UTF-8, numbers that do not fit and nesting
// that is too deep (the reader recurses, so the limit is what keeps bad input from overflowing the stack).
// Every value remembers its offset in the text: whoever finds it to be wrong later can still say where it is.
//
//   auto point = support::json::parse(R"({"x": 1, "y": [2, 3]})");
//   auto x = point.at("x").as_integer();              // 1
//   auto n = point.at("y").as_array().size();         // 2
//   auto s = point.at("x").as_string();               // throws json::error: offset 6: expected a string, found an
//   integer
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace support::json {

/// Something is wrong with the text, or a value is not what it should be. `what()` starts with the offset.
class error : public std::runtime_error {
 public:
  error(std::size_t offset, const std::string& message)
      : std::runtime_error("offset " + std::to_string(offset) + ": " + message), offset_(offset) {}

  /// Bytes before the place that the message is about.
  std::size_t offset() const noexcept { return offset_; }

 private:
  std::size_t offset_;
};

/// A template only so that it may be named before `value` is complete.
template <class Value>
struct basic_member {
  std::string key;
  Value content;
};

class value;
using member = basic_member<value>;
using array = std::vector<value>;
using object = std::vector<member>;  // in the order of the text

/// One JSON value. The `as_` functions throw `error` where it is of another kind.
class value {
 public:
  using content = std::variant<std::monostate, bool, std::int64_t, double, std::string, array, object>;

  value() = default;
  value(std::size_t offset, content c) : offset_(offset), content_(std::move(c)) {}

  std::size_t offset() const noexcept { return offset_; }

  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(content_); }
  bool is_boolean() const noexcept { return std::holds_alternative<bool>(content_); }
  bool is_integer() const noexcept { return std::holds_alternative<std::int64_t>(content_); }
  bool is_real() const noexcept { return std::holds_alternative<double>(content_); }
  bool is_string() const noexcept { return std::holds_alternative<std::string>(content_); }
  bool is_array() const noexcept { return std::holds_alternative<array>(content_); }
  bool is_object() const noexcept { return std::holds_alternative<object>(content_); }

  bool as_boolean() const { return as<bool>("a boolean"); }
  std::int64_t as_integer() const { return as<std::int64_t>("an integer"); }
  /// An integer is a real number, too.
  double as_real() const { return is_integer() ? static_cast<double>(as_integer()) : as<double>("a number"); }
  const std::string& as_string() const { return as<std::string>("a string"); }
  const array& as_array() const { return as<array>("an array"); }
  const object& as_object() const { return as<object>("an object"); }

  /// The member of an object with this key, or nullptr.
  const value* find(std::string_view key) const;
  /// The same, but it must be there.
  const value& at(std::string_view key) const;

  /// "a string", "null", ...: for messages.
  const char* kind() const noexcept;

 private:
  template <class T>
  const T& as(const char* wanted) const {
    if (const T* found = std::get_if<T>(&content_)) return *found;
    throw error(offset_, std::string("expected ") + wanted + ", found " + kind());
  }

  std::size_t offset_ = 0;
  content content_;
};

inline constexpr std::size_t default_max_depth = 100;

/// Reads one value; nothing but white space may follow it. Throws `error`.
value parse(std::string_view text, std::size_t max_depth = default_max_depth);

// ---- details ----

inline const value* value::find(std::string_view key) const {
  for (const member& m : as_object()) {
    if (m.key == key) return &m.content;
  }
  return nullptr;
}

inline const value& value::at(std::string_view key) const {
  if (const value* found = find(key)) return *found;
  throw error(offset_, "the key \"" + std::string(key) + "\" is missing");
}

inline const char* value::kind() const noexcept {
  static constexpr const char* names[] = {"null",     "a boolean", "an integer", "a real number",
                                          "a string", "an array",  "an object"};
  return names[content_.index()];
}

/// One pass over the text, one function for each rule of the grammar.
class reader {
 public:
  reader(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  value document() {
    value v = any(0);
    skip_space();
    if (!at_end()) fail("expected the end of the text, found " + shown());
    return v;
  }

 private:
  value any(std::size_t depth) {
    skip_space();
    const std::size_t start = at_;
    switch (peek()) {
      case '{':
        return {start, members(depth + 1)};
      case '[':
        return {start, items(depth + 1)};
      case '"':
        return {start, string()};
      case 't':
        return word("true"), value{start, true};
      case 'f':
        return word("false"), value{start, false};
      case 'n':
        return word("null"), value{start, std::monostate{}};
      default:
        break;
    }
    if (peek() == '-' || is_digit(peek())) return {start, number()};
    fail("expected a value, found " + shown());
  }

  object members(std::size_t depth) {
    enter(depth);
    object result;
    if (skipped('}')) return result;
    do {
      skip_space();
      const std::size_t start = at_;
      if (peek() != '"') fail("expected a key in double quotes, found " + shown());
      std::string key = string();
      for (const member& m : result) {
        if (m.key == key) throw error(start, "the key \"" + key + "\" is there twice");
      }
      if (!skipped(':')) fail("expected ':', found " + shown());
      result.push_back({std::move(key), any(depth)});
    } while (skipped(','));
    if (!skipped('}')) fail("expected ',' or '}', found " + shown());
    return result;
  }

  array items(std::size_t depth) {
    enter(depth);
    array result;
    if (skipped(']')) return result;
    do {
      result.push_back(any(depth));
    } while (skipped(','));
    if (!skipped(']')) fail("expected ',' or ']', found " + shown());
    return result;
  }

  void enter(std::size_t depth) {
    if (depth > max_depth_) fail("nested deeper than " + std::to_string(max_depth_) + " levels");
    ++at_;
  }

  value::content number() {
    const std::size_t start = at_;
    bool real = false;
    if (peek() == '-') ++at_;
    if (peek() == '0') {
      ++at_;
      if (is_digit(peek())) fail("a number must not start with 0");
    } else {
      digits();
    }
    if (peek() == '.') real = true, ++at_, digits();
    if (peek() == 'e' || peek() == 'E') {
      real = true, ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
    }
    const std::string_view token = text_.substr(start, at_ - start);
    return real ? value::content{to_real(start, token)} : value::content{to_integer(start, token)};
  }

  void digits() {
    if (!is_digit(peek())) fail("expected a digit, found " + shown());
    while (is_digit(peek())) ++at_;
  }

  static std::int64_t to_integer(std::size_t start, std::string_view token) {
    const bool negative = token.front() == '-';
    // Counted downwards, since there is one negative number more than there are positive ones.
    constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
    std::int64_t result = 0;
    for (const char c : token.substr(negative ? 1 : 0)) {
      const std::int64_t digit = c - '0';
      if (result < (lowest + digit) / 10) throw error(start, "the integer does not fit into 64 bits");
      result = result * 10 - digit;
    }
    if (negative) return result;
    if (result == lowest) throw error(start, "the integer does not fit into 64 bits");
    return -result;
  }

  static double to_real(std::size_t start, std::string_view token) {
    std::istringstream in{std::string(token)};  // std::from_chars(double) is missing in libc++ 16
    in.imbue(std::locale::classic());
    double result = 0;
    in >> result;
    if (in.fail()) throw error(start, "the number does not fit into a double");
    return result;
  }

  std::string string() {
    const std::size_t start = at_++;
    std::string result;
    for (;;) {
      if (at_end()) throw error(start, "the string has no end");
      const unsigned char c = byte(at_);
      if (c == '"') return ++at_, result;
      if (c < 0x20) fail("a control character in a string must be escaped");
      if (c == '\\') {
        escape(result);
      } else {
        const std::size_t length = utf8_length();
        result.append(text_.substr(at_, length));
        at_ += length;
      }
    }
  }

  void escape(std::string& out) {
    const std::size_t start = at_++;
    const char c = peek();
    static constexpr std::string_view letters = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (const std::size_t i = letters.find(c); !at_end() && i != letters.npos) {
      ++at_;
      out += meanings[i];
      return;
    }
    if (c != 'u') throw error(start, "unknown escape sequence");
    ++at_;
    std::uint32_t code = four_hex_digits(start);
    if (code >= 0xDC00 && code < 0xE000) throw error(start, "the second half of a surrogate pair without the first");
    if (code >= 0xD800 && code < 0xDC00) {
      if (text_.substr(at_, 2) != "\\u") throw error(start, "the first half of a surrogate pair without the second");
      at_ += 2;
      const std::uint32_t low = four_hex_digits(start);
      if (low < 0xDC00 || low >= 0xE000) throw error(start, "the first half of a surrogate pair without the second");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, code);
  }

  std::uint32_t four_hex_digits(std::size_t start) {
    std::uint32_t result = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      static constexpr std::string_view hex = "0123456789abcdef0123456789ABCDEF";
      const std::size_t digit = at_end() ? hex.npos : hex.find(text_[at_]);
      if (digit == hex.npos) throw error(start, "\\u needs four hexadecimal digits");
      result = result * 16 + static_cast<std::uint32_t>(digit % 16);
    }
    return result;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t c) { out += static_cast<char>(static_cast<unsigned char>(c)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)),
          put(0x80 | (code & 0x3F));
    }
  }

  /// The length of the character at `at_`. Overlong forms, surrogates and what is beyond U+10FFFF are invalid.
  std::size_t utf8_length() const {
    const unsigned char first = byte(at_);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    bool valid = length != 0 && text_.size() - at_ >= length;
    for (std::size_t i = 1; valid && i < length; ++i) valid = (byte(at_ + i) & 0xC0) == 0x80;
    if (valid && length > 2) {
      const unsigned char second = byte(at_ + 1);
      valid = !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second >= 0xA0) &&
              !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second >= 0x90);
    }
    if (!valid) fail("invalid UTF-8");
    return length;
  }

  void word(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) fail("expected a value, found " + shown());
    at_ += wanted.size();
  }

  bool skipped(char c) {
    skip_space();
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void skip_space() {
    while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') ++at_;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }  // a NUL in the text fits no rule either
  unsigned char byte(std::size_t i) const { return static_cast<unsigned char>(text_[i]); }

  std::string shown() const {
    if (at_end()) return "the end of the text";
    const unsigned char c = byte(at_);
    if (c > 0x20 && c < 0x7F) return std::string("'") + text_[at_] + "'";
    return "the byte " + std::to_string(c);
  }

  [[noreturn]] void fail(const std::string& message) const { throw error(at_, message); }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
};

inline value parse(std::string_view text, std::size_t max_depth) { return reader(text, max_depth).document(); }

}  // namespace support::json
