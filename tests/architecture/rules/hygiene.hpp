// What headers must not do to those who include them, or to one another.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "../project.hpp"

namespace architecture {

/// Macros live in one file and have our prefix, so that they can be found and clash with nobody's.
inline void check_macros(const source& header, findings& out) {
  for (const directive& d : header.directives()) {
    if (d.name == "undef") out.add(header.path(), d.line, "no #undef: it would change the user's macros");
    if (d.name != "define") continue;
    if (header.path() != "include/weft/detail/config.hpp") {
      out.add(header.path(), d.line, "macros are defined in detail/config.hpp only");
    } else if (!d.argument.starts_with("WEFT_")) {
      out.add(header.path(), d.line, "the names of macros begin with WEFT_");
    }
  }
}

/// Headers that cost every user: static constructors, seconds to compile, hidden allocation.
inline void check_costly_includes(const source& header, findings& out) {
  static const std::set<std::string> costly{"<iostream>", "<regex>", "<initializer_list>"};
  for (const directive& d : header.directives()) {
    if (d.name == "include" && costly.contains(d.argument)) {
      out.add(header.path(), d.line, "headers do not include " + d.argument);
    }
  }
}

inline void check_words(const source& header, findings& out) {
  const auto& tokens = header.tokens();
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].is("using") && tokens[i + 1].is("namespace")) {
      out.add(header.path(), tokens[i].line, "no using namespace in a header");
    }
    // g++ 12 cannot compile a co_await with an initializer list in it.
    if (tokens[i].is("initializer_list")) {
      out.add(header.path(), tokens[i].line, "no std::initializer_list: take a pack or a range");
    }
  }
}

/// A virtual function that its class does not call inline is the key function: defined below, in the header, it brings
/// the virtual table and all that it leads to into each program that includes the header, used or not.
inline void check_key_functions(const source& header, findings& out) {
  const auto& tokens = header.tokens();
  bool is_virtual = false;
  bool is_harmless = false;  // inline, pure or defaulted
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].is(";") && is_virtual && !is_harmless) {
      out.add(header.path(), tokens[i].line, "a virtual function that is defined further down is declared inline");
    }
    if (tokens[i].is(";") || tokens[i].is("{") || tokens[i].is("}")) {
      is_virtual = is_harmless = false;
    } else if (tokens[i].is("virtual") || tokens[i].is("override") || tokens[i].is("final")) {
      is_virtual = true;
    } else if (tokens[i].is("inline") ||
               (tokens[i].is("=") && (tokens[i + 1].is("0") || tokens[i + 1].is("default")))) {
      is_harmless = true;
    }
  }
}

/// What a `friend` at tokens[i] makes a friend: a class's or a function's name; empty for a function that is defined
/// there.
inline std::string befriended(const std::vector<token>& tokens, std::size_t i) {
  std::string last_word;
  for (std::size_t k = i + 1; k < tokens.size(); ++k) {
    if (tokens[k].is("operator")) return "";
    if (tokens[k].is(";")) return last_word;
    if (tokens[k].is("(")) {
      for (std::size_t end = tokens[k].partner; end < tokens.size(); ++end) {
        if (tokens[end].is(";")) return last_word;
        if (tokens[end].is("{") || tokens[end].is("=")) return "";
      }
      return last_word;
    }
    if (tokens[k].is("<")) {  // arguments of a template say nothing about where it lives
      int depth = 0;
      for (; k < tokens.size(); ++k) {
        depth += tokens[k].is("<") ? 1 : tokens[k].is(">") ? -1 : 0;
        if (depth == 0) break;
      }
      continue;
    }
    if (tokens[k].is_word()) last_word = tokens[k].text;
  }
  return last_word;
}

/// The names of classes and functions that a file declares, `friend` declarations aside.
inline std::set<std::string> declared_names(const source& file) {
  std::set<std::string> names;
  const auto& tokens = file.tokens();
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].is("friend")) {
      while (i + 1 < tokens.size() && !tokens[i].is(";") && !tokens[i].is("{")) ++i;
      continue;
    }
    if (!tokens[i].is_word()) continue;
    const token& next = tokens[i + 1];
    const bool names_type = i > 0 && (tokens[i - 1].is("class") || tokens[i - 1].is("struct") || tokens[i - 1].is("]"));
    if (names_type && (next.is("{") || next.is(":") || next.is("final") || next.is("<"))) names.insert(tokens[i].text);
    if (next.is("(")) names.insert(tokens[i].text);
  }
  return names;
}

inline void check_friends(const std::vector<source>& headers, findings& out) {
  std::map<std::string, std::set<std::string>> declared;  // by folder
  for (const source& header : headers) declared[folder_of(inside_weft(header.path()))].merge(declared_names(header));
  for (const source& header : headers) {
    const std::string folder = folder_of(inside_weft(header.path()));
    const auto& tokens = header.tokens();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!tokens[i].is("friend")) continue;
      const std::string name = befriended(tokens, i);
      if (name.empty() || declared[folder].contains(name)) continue;
      out.add(header.path(), tokens[i].line,
              "no friend across folders: " + name + " is not declared in " + folder + "/");
    }
  }
}

inline void hygiene(const project& p, findings& out) {
  const std::vector<source> headers = p.headers();
  for (const source& header : headers) {
    out.look();
    check_macros(header, out);
    check_costly_includes(header, out);
    check_words(header, out);
    check_key_functions(header, out);
  }
  check_friends(headers, out);
}

}  // namespace architecture
