// Many programs and their traces: a folder of NAME.json and NAME.trace, or one text file, a bundle.
// SPDX-License-Identifier: MIT
//
// A thousand programs would be two thousand little files; a bundle holds them in one that git still shows line by line:
//
//     weft conformance bundle 1
//     2 programs: profile core, seeds 0 to 1, CPython 3.13.0
//     === 0
//     {"v":1,"seed":0,...,"main":[
//     ["log",1],
//     ["sleep",2,5]
//     ]}
//     ---
//     0 T0 - start
//     ...
//     === 1
//
// The second line gives the number of programs, so that a file that was cut off is noticed.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace conformance {

/// A file that cannot be read or written, or is not what it should be.
class input_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A program as text and the trace that it must print.
struct test_case {
  std::string name;
  std::string program;
  std::optional<std::string> trace;
};

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view text);

/// A folder or a bundle, sorted as people count: 9 before 10. Never empty: throws `input_error` if nothing is there.
std::vector<test_case> read_collection(const std::filesystem::path& path);

// ---- details ----

inline std::string read_file(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) throw input_error(path.string() + ": is a folder, not a file");
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in.is_open() || in.bad()) throw input_error(path.string() + ": cannot be read");
  return std::move(text).str();
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw input_error(path.string() + ": cannot be written");
}

inline std::vector<test_case> read_folder(const std::filesystem::path& folder) {
  std::vector<test_case> result;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::filesystem::path path = entry.path();
    if (path.extension() != ".json") continue;
    test_case c{path.stem().string(), read_file(path), std::nullopt};
    if (path.replace_extension(".trace"); std::filesystem::exists(path)) c.trace = read_file(path);
    result.push_back(std::move(c));
  }
  std::sort(result.begin(), result.end(), [](const test_case& a, const test_case& b) {
    return std::pair(a.name.size(), std::string_view(a.name)) < std::pair(b.name.size(), std::string_view(b.name));
  });
  if (result.empty()) throw input_error(folder.string() + ": there are no programs (*.json) in this folder");
  return result;
}

class bundle_reader {
 public:
  explicit bundle_reader(std::string path) : path_(std::move(path)), text_(read_file(path_)) {}

  std::vector<test_case> read() {
    if (next() != "weft conformance bundle 1") fail("expected \"weft conformance bundle 1\"");
    const std::size_t programs = number_of_programs(next());
    std::vector<test_case> result;
    while (!at_end()) result.push_back(one());
    if (result.size() != programs) {
      fail("holds " + std::to_string(result.size()) + " programs, but its second line says " +
           std::to_string(programs));
    }
    if (result.empty()) fail("there are no programs in this bundle");
    return result;
  }

 private:
  static constexpr std::string_view start_of_program = "=== ";
  static constexpr std::string_view start_of_trace = "---";

  std::size_t number_of_programs(std::string_view line) const {
    std::size_t result = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), result);
    const std::string_view rest = line.substr(static_cast<std::size_t>(end - line.data()));
    if (error != std::errc{} || rest.substr(0, 10) != " programs:") fail("expected \"N programs: ...\"");
    return result;
  }

  test_case one() {
    const std::string_view header = next();
    if (!header.starts_with(start_of_program)) fail("expected \"=== NAME\"");
    test_case result{std::string(header.substr(start_of_program.size())), {}, std::string()};
    if (result.name.empty() || result.name.find('/') != std::string::npos)
      fail("no name for a program: " + result.name);
    for (std::string_view line = next(); line != start_of_trace; line = next()) result.program.append(line) += '\n';
    while (!at_end() && !peek().starts_with(start_of_program)) result.trace->append(next()) += '\n';
    return result;
  }

  bool at_end() const { return at_ == text_.size(); }

  std::string_view peek() const {
    if (at_end()) fail("the file ends too early");
    const std::size_t end = text_.find('\n', at_);
    if (end == std::string::npos) fail("the last line has no end");
    return std::string_view(text_).substr(at_, end - at_);
  }

  std::string_view next() {
    ++line_;
    const std::string_view line = peek();
    at_ += line.size() + 1;
    return line;
  }

  [[noreturn]] void fail(const std::string& message) const {
    throw input_error(path_ + ", line " + std::to_string(line_) + ": " + message);
  }

  std::string path_;
  std::string text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
};

inline std::vector<test_case> read_collection(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) throw input_error(path.string() + ": there is no such file or folder");
  return std::filesystem::is_directory(path) ? read_folder(path) : bundle_reader(path.string()).read();
}

}  // namespace conformance
