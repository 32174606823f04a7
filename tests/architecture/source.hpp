// A C++ file (or the C++ in a page of Markdown) as the rules see it: lines, directives and tokens, without comments.
// SPDX-License-Identifier: MIT
//
// Not a parser. The rules look for shapes in our own code, which clang-format keeps regular; brackets are paired, so
// that a rule can step over what it does not care about.
#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace architecture {

struct token {
  enum class kind { word, number, literal, punctuation };

  kind what;
  std::string text;  // a literal's text is `""`
  std::size_t line;
  std::size_t partner = none;  // of a bracket: the index of the other one, if there is one

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  bool is(std::string_view t) const { return text == t; }
  bool is_word() const { return what == kind::word; }
};

struct directive {
  std::string name;      // "include"
  std::string argument;  // "<vector>"
  std::size_t line;
};

std::vector<std::string> lines_of(const std::string& text);

class source {
 public:
  source(std::string path, std::string text) : path_(std::move(path)), text_(std::move(text)), lines_(lines_of(text_)) {
    scan();
    pair_brackets();
  }

  /// Relative to the project's root.
  const std::string& path() const { return path_; }
  const std::vector<std::string>& lines() const { return lines_; }
  const std::vector<token>& tokens() const { return tokens_; }
  const std::vector<directive>& directives() const { return directives_; }

 private:
  void scan();
  void pair_brackets();

  void scan_directive();
  void scan_number();
  void scan_word();
  void scan_quoted(char quote);
  void scan_raw_string();
  void scan_punctuation();
  void skip_to(std::string_view end);

  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  bool here(std::string_view what) const { return std::string_view(text_).substr(next_).starts_with(what); }
  void advance() {
    if (at(next_) == '\n') {
      ++line_;
      line_is_blank_ = true;
    }
    ++next_;
  }
  void add(token::kind what, std::string text) { tokens_.push_back({what, std::move(text), line_}); }

  static bool in_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  std::string path_;
  std::string text_;
  std::vector<std::string> lines_;
  std::vector<token> tokens_;
  std::vector<directive> directives_;
  std::size_t next_ = 0;
  std::size_t line_ = 1;
  bool line_is_blank_ = true;  // so far
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The blocks that are fenced as ```cpp in a page of Markdown, in the lines in which they stand; not those that are
/// wrong on purpose: the comment above the fence says `refused`, or something in the block has a name that begins with
/// `wrong_`.
std::string code_of_markdown(const std::string& page);

/// The examples in a header's comments, in the lines in which they stand: lines indented by four more than others.
std::string code_of_comments(const std::string& header);

// ---- details ----

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

inline std::string code_of_markdown(const std::string& page) {
  std::string code;
  std::string block;
  std::string comment;  // the last one
  bool in_comment = false;
  bool in_block = false;
  bool is_cpp = false;
  for (const std::string& line : lines_of(page)) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view text = std::string_view(line).substr(indent);
    if (!in_block && text.starts_with("<!--")) {
      in_comment = true;
      comment.clear();
    }
    if (in_comment) {
      comment += line + '\n';
      in_comment = !text.ends_with("-->");
    } else if (text.starts_with("```") && !in_block) {
      in_block = true;
      is_cpp =
          (text.starts_with("```cpp") || text.starts_with("```c++")) && comment.find("refused") == std::string::npos;
      code += block;
      block = '\n';
      continue;
    } else if (text.starts_with("```")) {
      in_block = false;
      comment.clear();
      if (block.find("wrong_") == std::string::npos) {
        code += block;
      } else {
        code.append(static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n')), '\n');
      }
      block.clear();
    } else if (!in_block && !text.empty()) {
      comment.clear();
    }
    block += in_block && is_cpp ? line + '\n' : "\n";
  }
  return code + block;
}

inline std::string code_of_comments(const std::string& header) {
  std::string code;
  for (const std::string& line : lines_of(header)) code += (line.starts_with("//     ") ? line.substr(2) : "") + '\n';
  return code;
}

inline void source::scan() {
  while (next_ < text_.size()) {
    const char c = at(next_);
    if (is_space(c)) {
      advance();
      continue;
    }
    if (here("//")) {
      skip_to("\n");
    } else if (here("/*")) {
      skip_to("*/");
    } else if (c == '#' && line_is_blank_) {
      scan_directive();
    } else {
      line_is_blank_ = false;
      if (here("R\"") || here("u8R\"") || here("LR\"")) {
        scan_raw_string();
      } else if (c == '"' || c == '\'') {
        scan_quoted(c);
      } else if (is_digit(c) || (c == '.' && is_digit(at(next_ + 1)))) {
        scan_number();
      } else if (in_word(c)) {
        scan_word();
      } else {
        scan_punctuation();
      }
    }
  }
}

inline void source::skip_to(std::string_view end) {
  while (next_ < text_.size() && !here(end)) advance();
  if (end != "\n") {
    for (std::size_t i = 0; i < end.size(); ++i) advance();
  }
}

inline void source::scan_directive() {
  const std::size_t line = line_;
  std::string all;
  for (advance(); next_ < text_.size() && at(next_) != '\n' && !here("//"); advance()) {
    if (here("\\\n")) {
      advance();
    } else {
      all += at(next_);
    }
  }
  if (here("//")) skip_to("\n");
  const auto trimmed = [](std::string_view s) {
    while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
    while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
    return std::string(s);
  };
  all = trimmed(all);
  const auto name_end = std::find_if_not(all.begin(), all.end(), in_word);
  directives_.push_back({std::string(all.begin(), name_end), trimmed(std::string(name_end, all.end())), line});
}

inline void source::scan_number() {
  std::string text;
  while (in_word(at(next_)) || at(next_) == '.' || (at(next_) == '\'' && in_word(at(next_ + 1)))) {
    text += at(next_);
    advance();
  }
  add(token::kind::number, std::move(text));
}

inline void source::scan_word() {
  std::string text;
  for (; in_word(at(next_)); advance()) text += at(next_);
  add(token::kind::word, std::move(text));
}

inline void source::scan_quoted(char quote) {
  for (advance(); next_ < text_.size() && at(next_) != quote && at(next_) != '\n'; advance()) {
    if (at(next_) == '\\') advance();
  }
  advance();
  add(token::kind::literal, "\"\"");
}

inline void source::scan_raw_string() {
  const std::size_t open = text_.find('(', next_);
  const std::size_t quote = text_.find('"', next_);
  if (open == std::string::npos) throw std::runtime_error(path_ + ": a raw string without an end");
  const std::string end = ")" + text_.substr(quote + 1, open - quote - 1) + "\"";
  skip_to(end);
  add(token::kind::literal, "\"\"");
}

inline void source::scan_punctuation() {
  for (const char* several : {"...", "::", "->", "&&", "||", "==", "!=", "<=", ">="}) {
    if (!here(several)) continue;
    add(token::kind::punctuation, several);
    for (const char* c = several; *c != '\0'; ++c) advance();
    return;
  }
  add(token::kind::punctuation, std::string(1, at(next_)));
  advance();
}

inline void source::pair_brackets() {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& text = tokens_[i].text;
    if (text == "(" || text == "[" || text == "{") open.push_back(i);
    if (text != ")" && text != "]" && text != "}") continue;
    // In code with gaps (docs) a bracket may have no partner: those between it and a fitting one have none either.
    const char wanted = text == ")" ? '(' : text == "]" ? '[' : '{';
    const auto fits = [&](std::size_t o) { return tokens_[o].text[0] == wanted; };
    const auto found = std::find_if(open.rbegin(), open.rend(), fits);
    if (found == open.rend()) continue;
    open.erase(found.base(), open.end());
    tokens_[i].partner = open.back();
    tokens_[open.back()].partner = i;
    open.pop_back();
  }
}

}  // namespace architecture
