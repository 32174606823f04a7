// Our own code stays clear of what g++ 12 gets wrong about coroutines: in headers, examples, docs and tests.
// SPDX-License-Identifier: MIT
//
// g++ 12 does three things wrong. It loses the body of a coroutine that has a co_await in a condition, if the body's
// outermost scope declares nothing and neither does the condition; it destroys twice some temporaries that stand in one
// expression with a co_await (brace-made aggregates, closures that own something, what a conditional operator gives,
// `new T(co_await ...)`); and it cannot compile an initializer list in such an expression. What an object owns cannot
// be seen here, so the rule is simpler than the compiler: no co_await in a condition that is no declaration; in an
// expression that awaits no braces, no lambda that captures by value, no ?: and no new. The way out is always the same:
// name the thing on a line of its own first. For all of this a co_yield is a co_await.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "../project.hpp"

namespace architecture {

class coroutine_lint {
 public:
  coroutine_lint(const source& file, findings& out) : file_(file), tokens_(file.tokens()), out_(out) {
    block(0, tokens_.size());
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].is("await_suspend")) destroys(i + 1);
    }
  }

 private:
  /// Splits [begin, end), the inside of a pair of braces or the file, into statements.
  void block(std::size_t begin, std::size_t end) {
    std::size_t start = begin;
    for (std::size_t i = begin; i < end;) {
      const token& t = tokens_[i];
      if (t.is(";")) {
        statement(start, i);
        start = ++i;
      } else if (t.is("{") && closed(i, end) && holds_statements(i) && !is_lambda(start, i)) {
        statement(start, i);
        block(i + 1, t.partner);
        start = i = t.partner + 1;
      } else {
        i = after(i, end);
      }
    }
    statement(start, end);
  }

  void statement(std::size_t begin, std::size_t end) {
    // What stands in front of a statement is an expression of its own: if (...), while (...), for (...), else, case x:
    while (begin < end) {
      std::size_t open = begin + 1;
      const token& t = tokens_[begin];
      if (is_one_of(t, {"else", "do", "try"})) {
        ++begin;
        continue;
      }
      if (!is_one_of(t, {"if", "while", "switch", "for"})) break;
      while (open < end && !tokens_[open].is("(")) ++open;
      if (open == end || !closed(open, end)) break;
      head(t, open + 1, tokens_[open].partner);
      begin = tokens_[open].partner + 1;
    }
    expression(begin, end);
  }

  void head(const token& keyword, std::size_t begin, std::size_t end) {
    if (keyword.is("for")) {
      std::vector<std::size_t> parts{begin};
      for (std::size_t i = begin; i < end; i = after(i, end)) {
        if (tokens_[i].is(";")) parts.push_back(i + 1);
      }
      if (parts.size() == 3 && awaits(parts[1], parts[2])) {
        report(parts[1], "no co_await in the condition of a for: name the value in the body, and break");
      }
      for (std::size_t part = 0; part < parts.size(); ++part) {
        expression(parts[part], part + 1 < parts.size() ? parts[part + 1] - 1 : end);
      }
      return;
    }
    if (awaits(begin, end) && !declares(begin, end)) {
      report(begin, "no co_await in the condition of " + keyword.text + ": name the value on a line of its own first");
    }
    expression(begin, end);
  }

  /// Whether a condition declares something: `auto item = co_await next()`, or `bool b = co_await more(); b && c`.
  bool declares(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; i = after(i, end)) {
      if (!tokens_[i].is("=")) continue;
      return i >= begin + 2 && tokens_[begin].is_word() && (tokens_[i - 1].is_word() || tokens_[i - 1].is("]")) &&
             !is_one_of(tokens_[i - 2], {".", "->", "::"});
    }
    return false;
  }

  /// A full-expression or a declaration. Bodies of lambdas in it are looked at by themselves.
  void expression(std::size_t begin, std::size_t end) {
    const bool awaiting = awaits(begin, end);
    for (std::size_t i = begin; i < end; ++i) {
      const token& t = tokens_[i];
      if (t.is("{") && closed(i, end) && holds_statements(i)) {
        block(i + 1, t.partner);
        i = t.partner;
        continue;
      }
      if (!awaiting) continue;
      if (t.is("{"))
        report(i, "no braces in an expression that awaits: name what they make on a line of its own first");
      if (t.is("?")) report(i, "no ?: in an expression that awaits: name its value on a line of its own first");
      if (t.is("new")) report(i, "no new in an expression that awaits: name the value on a line of its own first");
      if (captures_by_value(i)) {
        report(i,
               "no lambda that captures by value in an expression that awaits: name the lambda on a line of its own "
               "first");
      }
      if (t.is_word() && is_test_macro(t.text) && i + 1 < end && tokens_[i + 1].is("(") && closed(i + 1, end) &&
          awaits(i + 1, tokens_[i + 1].partner)) {
        report(i, "no co_await inside " + t.text + "(): name the value on a line of its own first");
      }
    }
  }

  /// Whether there is a co_await or a co_yield in [begin, end), those in the bodies of lambdas aside.
  bool awaits(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (is_one_of(tokens_[i], {"co_await", "co_yield"})) return true;
      if (tokens_[i].is("{") && closed(i, end) && holds_statements(i)) i = tokens_[i].partner;
    }
    return false;
  }

  /// Whether a pair of braces holds statements, and not initializers: there is a semicolon in it, or it begins as a
  /// statement does, or it stands where only a body can.
  bool holds_statements(std::size_t open) const {
    const std::size_t close = tokens_[open].partner;
    for (std::size_t i = open + 1; i < close; i = after(i, close)) {
      if (tokens_[i].is(";")) return true;
    }
    if (is_one_of(tokens_[open + 1], {"if", "for", "while", "do", "switch", "try"})) return true;
    if (open == 0) return true;
    const token& before = tokens_[open - 1];
    if (is_one_of(before, {")", "]", ";", "{", "}", "else", "do", "try", "const", "noexcept", "mutable", "override"})) {
      return !(before.is("{") || before.is("}")) || close > open + 1;
    }
    for (std::size_t i = open; i-- > 0 && !is_one_of(tokens_[i], {";", "{", "}", "="});) {
      if (is_one_of(tokens_[i], {"namespace", "class", "struct", "union", "extern"})) return true;
    }
    return false;
  }

  /// Whether the braces at `open`, in the statement that starts at `start`, are a lambda's body: the statement goes on
  /// after it.
  bool is_lambda(std::size_t start, std::size_t open) const {
    for (std::size_t i = start; i < open; i = after(i, open)) {
      if (introduces_lambda(i)) return true;
    }
    return false;
  }

  bool introduces_lambda(std::size_t i) const {
    if (!tokens_[i].is("[") || tokens_[i].partner == token::none || i + 1 == tokens_.size()) return false;
    if (tokens_[i + 1].is("[") || (i > 0 && tokens_[i - 1].is("["))) return false;  // an attribute
    if (i == 0) return true;
    const token& before = tokens_[i - 1];
    if (is_one_of(before, {"return", "co_return", "co_await", "co_yield"})) return true;
    if (is_one_of(before, {"&", "&&"}) && i > 1 && tokens_[i - 2].is("auto")) return false;  // auto& [a, b]
    return !before.is_word() && !is_one_of(before, {")", "]", "\"\""});
  }

  bool captures_by_value(std::size_t i) const {
    if (!introduces_lambda(i)) return false;
    for (std::size_t k = i + 1; k < tokens_[i].partner; ++k) {
      if (!is_one_of(tokens_[k], {"&", "this", ","}) && !tokens_[k - 1].is("&")) return true;
    }
    return false;
  }

  /// From after the name await_suspend: if this is its definition, a destroy() in it is a mistake: the frame may be
  /// gone.
  void destroys(std::size_t i) {
    for (; i < tokens_.size() && !tokens_[i].is("{"); i = after(i, tokens_.size())) {
      if (tokens_[i].is(";")) return;
    }
    if (i == tokens_.size() || !closed(i, tokens_.size())) return;
    for (std::size_t k = i; k < tokens_[i].partner; ++k) {
      if (tokens_[k].is("destroy") && tokens_[k + 1].is("(")) report(k, "no destroy() inside await_suspend");
    }
  }

  static bool is_test_macro(std::string_view name) {
    return name == "assert" || name.starts_with("REQUIRE") || name.starts_with("CHECK");
  }

  /// The index after token i, and after its partner if it is an opening bracket.
  std::size_t after(std::size_t i, std::size_t end) const {
    const bool opens = is_one_of(tokens_[i], {"(", "[", "{"}) && closed(i, end);
    return opens ? tokens_[i].partner + 1 : i + 1;
  }
  bool closed(std::size_t open, std::size_t end) const {
    return tokens_[open].partner <= end && tokens_[open].partner > open;
  }

  static bool is_one_of(const token& t, std::initializer_list<std::string_view> texts) {
    for (std::string_view text : texts) {
      if (t.is(text)) return true;
    }
    return false;
  }

  void report(std::size_t i, const std::string& message) { out_.add(file_.path(), tokens_[i].line, message); }

  const source& file_;
  const std::vector<token>& tokens_;
  findings& out_;
};

inline void coroutines(const project& p, findings& out) {
  const auto look = [&](const std::string& path, const std::string& code) {
    out.look();
    coroutine_lint(source(path, code), out);
  };
  for (const char* folder : {"include", "examples", "tests"}) {
    for (const char* suffix : {".hpp", ".cpp"}) {
      for (const std::string& path : p.files(folder, suffix)) {
        if (path.starts_with("tests/compile_fail/cases/")) continue;  // wrong on purpose
        const std::string text = p.read(path);
        look(path, text);
        if (folder == std::string_view("include")) look(path, code_of_comments(text));
      }
    }
  }
  for (const std::string& path : p.files("docs", ".md")) look(path, code_of_markdown(p.read(path)));
  if (p.has("README.md")) look("README.md", code_of_markdown(p.read("README.md")));
}

}  // namespace architecture
