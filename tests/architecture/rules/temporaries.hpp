// Each type that stands in co_await expressions is proved safe in tests/architecture/temporaries.cpp.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../project.hpp"

namespace architecture {

/// The class that tokens[i], `class` or `struct`, defines; empty if it only declares one, or names a template's
/// parameter.
inline std::string defined_class(const std::vector<token>& tokens, std::size_t i) {
  std::size_t name = i + 1;
  while (name < tokens.size() && tokens[name].is("[") && tokens[name].partner != token::none)
    name = tokens[name].partner + 1;
  for (std::size_t k = name + 1; k < tokens.size(); ++k) {
    if (tokens[k].is("{")) return tokens[name].text;
    if (tokens[k].is(";") || tokens[k].is("(") || tokens[k].is(">") || tokens[k].is(",") || tokens[k].is("=")) {
      const bool in_bases = tokens[name + 1].is(":") || tokens[name + 1].is("final") || tokens[name + 1].is("<");
      if (!in_bases || tokens[k].is(";")) return "";
    }
  }
  return "";
}

/// Awaiters, options, and what is [[nodiscard]] or has an operator co_await.
inline bool stands_in_await_expressions(const std::vector<token>& tokens, std::size_t i, const std::string& name) {
  if (name.ends_with("_awaiter") || name.ends_with("_options") || name.ends_with("_child")) return true;
  if (tokens[i + 1].is("[")) {
    for (std::size_t k = i + 1; k < tokens[i + 1].partner; ++k) {
      if (tokens[k].is("nodiscard")) return true;
    }
  }
  while (i < tokens.size() && !tokens[i].is("{")) ++i;
  for (std::size_t k = i; i < tokens.size() && k + 1 < tokens[i].partner; ++k) {
    if (tokens[k].is("operator") && tokens[k + 1].is("co_await")) return true;
  }
  return false;
}

inline void temporaries(const project& p, findings& out) {
  const std::string proof = "tests/architecture/temporaries.cpp";
  const source proofs(proof, p.read(proof));
  std::set<std::string> proved;
  for (const token& t : proofs.tokens()) proved.insert(t.text);
  for (const source& header : p.headers()) {
    if (folder_of(inside_weft(header.path())) == "detail") continue;
    const auto& tokens = header.tokens();
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      if (!tokens[i].is("class") && !tokens[i].is("struct")) continue;
      const std::string name = defined_class(tokens, i);
      if (name.empty() || !stands_in_await_expressions(tokens, i, name)) continue;
      out.look();
      if (!proved.contains(name)) out.add(header.path(), tokens[i].line, name + " is not proved safe in " + proof);
    }
  }
}

}  // namespace architecture
