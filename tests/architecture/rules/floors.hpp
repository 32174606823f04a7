// Folders are floors: includes go down or stay, and never in a circle.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../project.hpp"

namespace architecture {

/// The house. The folders of one floor are blind to one another.
inline const std::map<std::string, int>& floors_of_folders() {
  static const std::map<std::string, int> floors{{"detail", 0},  {"core", 1}, {"time", 2},  {"flow", 2},   {"sync", 2},
                                                 {"threads", 2}, {"io", 3},   {"debug", 4}, {"testing", 4}};
  return floors;
}

/// What is wrong with header `from` including header `to`, both as in "core/task.hpp"; empty if nothing is.
inline std::string wrong_with_include(const std::string& from, const std::string& to) {
  const auto& floors = floors_of_folders();
  const std::string above = folder_of(from);
  const std::string below = folder_of(to);
  const bool from_umbrella = from == "weft.hpp";
  if (to == "weft.hpp") return "the umbrella is for users: include what is needed";
  if (!floors.contains(below)) return "<weft/" + to + "> is on no floor";
  if (above == below && !from_umbrella) return "";
  if (below == "testing") return "nothing includes testing/";
  if (from_umbrella) return "";
  if (below == "debug") return "nothing but the umbrella includes debug/";
  const int floor_above = floors.at(above);
  const int floor_below = floors.at(below);
  if (floor_below < floor_above) return "";
  if (floor_below == floor_above) return above + "/ and " + below + "/ are on one floor, and blind to one another";
  return above + "/ (floor " + std::to_string(floor_above) + ") includes " + below + "/ (floor " +
         std::to_string(floor_below) + "): includes only go down";
}

/// Finds circles in `includes` (header -> what it includes, with lines), depth first.
class circle_finder {
 public:
  using graph = std::map<std::string, std::vector<std::pair<std::string, std::size_t>>>;

  circle_finder(const graph& includes, findings& out) : includes_(includes), out_(out) {
    for (const auto& [header, ignored] : includes_) visit(header);
  }

 private:
  enum class state { unseen, on_path, finished };

  void visit(const std::string& header) {
    state_[header] = state::on_path;
    path_.push_back(header);
    if (const auto found = includes_.find(header); found != includes_.end()) {
      for (const auto& [next, line] : found->second) {
        if (state_[next] == state::unseen) visit(next);
        if (state_[next] == state::on_path) report(header, next, line);
      }
    }
    path_.pop_back();
    state_[header] = state::finished;
  }

  void report(const std::string& header, const std::string& next, std::size_t line) {
    std::string circle = next;
    bool inside = false;
    for (const std::string& step : path_) {
      if (inside) circle += " -> " + step;
      inside = inside || step == next;
    }
    out_.add("include/weft/" + header, line, "includes go in a circle: " + circle + " -> " + next);
  }

  const graph& includes_;
  findings& out_;
  std::map<std::string, state> state_;
  std::vector<std::string> path_;
};

inline void floors(const project& p, findings& out) {
  circle_finder::graph includes;
  for (const source& header : p.headers()) {
    out.look();
    const std::string from = inside_weft(header.path());
    if (from != "weft.hpp" && !floors_of_folders().contains(folder_of(from))) {
      out.add(header.path(), 0, "is on no floor");
      continue;
    }
    for (const directive& d : header.directives()) {
      if (d.name != "include") continue;
      if (!d.argument.starts_with("<")) {
        out.add(header.path(), d.line, "write #include <...>: users have the headers on the include path");
        continue;
      }
      if (!d.argument.starts_with("<weft/")) continue;
      const std::string to = d.argument.substr(6, d.argument.size() - 7);
      if (!p.has("include/weft/" + to)) {
        out.add(header.path(), d.line, "there is no <weft/" + to + ">");
        continue;
      }
      if (const std::string wrong = wrong_with_include(from, to); !wrong.empty()) out.add(header.path(), d.line, wrong);
      includes[from].emplace_back(to, d.line);
    }
  }
  circle_finder(includes, out);
}

}  // namespace architecture
