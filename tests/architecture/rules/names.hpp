// A file is named after its main symbol, and a unit test after the file that it tests.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../project.hpp"

namespace architecture {

/// The names that a header gives to types, concepts, constants, functions and aliases.
inline std::set<std::string> symbols_of(const source& header) {
  std::set<std::string> names;
  const auto& tokens = header.tokens();
  for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
    if (!tokens[i].is_word()) continue;
    const token& before = tokens[i - 1];
    const token& next = tokens[i + 1];
    const bool type = before.is("class") || before.is("struct") || before.is("]");
    const bool concept_or_alias = (before.is("concept") || before.is("using")) && next.is("=");
    const bool constant = next.is("=") && before.is_word() && i > 1 && tokens[i - 2].is("constexpr");
    const bool call = before.is("return") || before.is("co_return") || before.is("co_await") || before.is("throw");
    const bool function =
        next.is("(") && !call && (before.is_word() || before.is(">") || before.is("&") || before.is("*"));
    if ((type && !next.is(";") && !next.is("(")) || concept_or_alias || constant || function)
      names.insert(tokens[i].text);
  }
  return names;
}

/// Whether one of the symbols is `name`, or begins or ends with it: sleep_for is a sleep, deadlock_error an error.
inline bool is_named_after(const std::string& name, const std::set<std::string>& symbols) {
  return std::any_of(symbols.begin(), symbols.end(), [&](const std::string& symbol) {
    return symbol == name || symbol.starts_with(name + "_") || symbol.ends_with("_" + name);
  });
}

inline bool says_nothing(const std::string& name) {
  static const std::set<std::string> empty_words{"util",   "utils",   "utility", "utilities", "common",
                                                 "helper", "helpers", "misc",    "stuff",     "tools"};
  return empty_words.contains(name);
}

inline void names(const project& p, findings& out) {
  for (const source& header : p.headers()) {
    out.look();
    const std::string path = inside_weft(header.path());
    if (path == "weft.hpp" || path == "detail/config.hpp") continue;  // the map, and macros
    const std::string name = stem_of(path);
    if (!is_named_after(name, symbols_of(header))) {
      out.add(header.path(), 0, "declares no " + name + ": name the file after its main symbol");
    }
  }
  for (const char* folder : {"include", "examples", "tests"}) {
    for (const std::string& path : p.files(folder, "")) {
      for (std::size_t start = 0; start < path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string step = path.substr(start, end - start);
        if (says_nothing(step.substr(0, step.find('.'))))
          out.add(path, 0, "'" + step + "' says nothing: name what it is");
        start = end + 1;
      }
    }
  }
  // tests/unit mirrors the headers: weft's own, and those of the tests and examples. What makes one test file too long
  // comes in several: event_loop.test.cpp, event_loop.end.test.cpp.
  const std::string units = "tests/unit/";
  for (const std::string& path : p.files(units, ".test.cpp")) {
    const std::size_t slash = path.rfind('/');
    const std::string tested = path.substr(units.size(), slash + 1 - units.size()) + stem_of(path) + ".hpp";
    if (p.has("include/weft/" + tested) || p.has("tests/" + tested) || p.has(tested)) continue;
    out.add(path, 0, "there is no header " + tested + " that this could test");
  }
}

}  // namespace architecture
