// The top of the repository stays small, and so do the things that newcomers read.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../project.hpp"
#include "floors.hpp"

namespace architecture {

/// Whether `name` fits a pattern in which a * stands for anything.
inline bool fits_pattern(std::string_view name, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  const std::string_view head = pattern.substr(0, star);
  const std::string_view tail = pattern.substr(star + 1);
  return name.size() >= head.size() + tail.size() && name.starts_with(head) && name.ends_with(tail);
}

/// What .gitignore says of the top of the repository: names without slashes.
inline std::vector<std::string> ignored_at_top(const project& p) {
  std::vector<std::string> patterns;
  if (!p.has(".gitignore")) return patterns;
  const source ignore(".gitignore", p.read(".gitignore"));
  for (std::string line : ignore.lines()) {
    if (!line.empty() && line.front() == '/') line.erase(0, 1);
    if (!line.empty() && line.back() == '/') line.pop_back();
    if (!line.empty() && line.front() != '#' && line.find('/') == std::string::npos) patterns.push_back(line);
  }
  return patterns;
}

inline void check_top(const project& p, findings& out) {
  static const std::set<std::string> allowed{"include",           "tests",     "examples", "docs", "CMakeLists.txt",
                                             "CMakePresets.json", "README.md", "LICENSE"};
  const std::vector<std::string> ignored = ignored_at_top(p);
  for (const auto& entry : std::filesystem::directory_iterator(p.root())) {
    out.look();
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || allowed.contains(name)) continue;
    bool is_ignored = std::filesystem::exists(entry.path() / "CMakeCache.txt");  // someone's build
    for (const std::string& pattern : ignored) is_ignored = is_ignored || fits_pattern(name, pattern);
    if (!is_ignored)
      out.add(name, 0, "has no place at the top of the repository: only include, tests, examples, docs do");
  }
  for (const auto& entry : std::filesystem::directory_iterator(p.root() / "include")) {
    const std::string name = entry.path().filename().string();
    if (name != "weft") out.add("include/" + name, 0, "include/ holds nothing but weft/");
  }
  for (const std::string& path : p.files("include/weft", "")) {
    if (!path.ends_with(".hpp")) out.add(path, 0, "include/weft holds nothing but .hpp files");
  }
}

inline void check_length(const project& p, const std::string& path, std::size_t most, findings& out) {
  const std::size_t lines = source(path, p.read(path)).lines().size();
  if (lines > most) out.add(path, 0, std::to_string(lines) + " lines: at most " + std::to_string(most));
}

inline void layout(const project& p, findings& out) {
  check_top(p, out);
  if (p.has("README.md")) check_length(p, "README.md", 150, out);
  for (const std::string& path : p.files("examples", ".cpp")) {
    check_length(p, path, 60, out);
    const std::string expected = path.substr(0, path.size() - 4) + ".expected";
    if (!p.has(expected)) out.add(path, 0, "what an example prints is in " + expected + ", which is missing");
  }
}

}  // namespace architecture
