// The files of a checkout, and what the rules found wrong with them.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source.hpp"

namespace architecture {

class project {
 public:
  explicit project(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  bool has(const std::string& path) const { return std::filesystem::exists(root_ / path); }
  std::string read(const std::string& path) const { return read_file((root_ / path).string()); }

  /// Paths, relative to the root and sorted, of the files below `folder` that end in `suffix`; none if there is no such
  /// folder.
  std::vector<std::string> files(const std::string& folder, std::string_view suffix) const {
    std::vector<std::string> found;
    if (!has(folder)) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ / folder)) {
      const std::string path = entry.path().lexically_relative(root_).generic_string();
      if (entry.is_regular_file() && path.ends_with(suffix)) found.push_back(path);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  /// The same, read.
  std::vector<source> sources(const std::string& folder, std::string_view suffix) const {
    std::vector<source> all;
    for (const std::string& path : files(folder, suffix)) all.emplace_back(path, read(path));
    return all;
  }

  /// weft's headers.
  std::vector<source> headers() const { return sources("include/weft", ".hpp"); }

 private:
  std::filesystem::path root_;
};

class findings {
 public:
  /// A rule looks at something: a rule that never does has failed, too.
  void look() { ++looked_at_; }

  /// Something is wrong. Line 0: with the file as a whole.
  void add(const std::string& path, std::size_t line, const std::string& message) {
    ++found_;
    if (line == 0) {
      std::printf("%s: %s\n", path.c_str(), message.c_str());
    } else {
      std::printf("%s:%zu: %s\n", path.c_str(), line, message.c_str());
    }
  }

  std::size_t found() const { return found_; }
  std::size_t looked_at() const { return looked_at_; }

 private:
  std::size_t found_ = 0;
  std::size_t looked_at_ = 0;
};

/// Of include/weft/core/task.hpp: "core/task.hpp", and "core"; no folder for weft.hpp.
inline std::string inside_weft(const std::string& path) {
  return path.substr(std::string_view("include/weft/").size());
}
inline std::string folder_of(const std::string& header) {
  const std::size_t slash = header.find('/');
  return slash == std::string::npos ? "" : header.substr(0, slash);
}

/// Of "a/b/sleep.test.cpp": "sleep".
inline std::string stem_of(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
  return path.substr(name, path.find('.', name) - name);
}

}  // namespace architecture
