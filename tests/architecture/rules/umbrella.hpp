// The umbrella is the map: every public header once, floor by floor, with a remark.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "../project.hpp"
#include "floors.hpp"

namespace architecture {

/// Those who include the umbrella need no package.
inline bool needs_package(const project& p, const std::string& header) {
  const source file(header, p.read("include/weft/" + header));
  for (const directive& d : file.directives()) {
    if (d.name == "include" && d.argument.starts_with("<fmt/")) return true;
  }
  return false;
}

inline void umbrella(const project& p, findings& out) {
  const std::string path = "include/weft/weft.hpp";
  const source map(path, p.read(path));
  std::map<std::string, std::size_t> named;
  int floor = 0;
  for (const directive& d : map.directives()) {
    if (d.name != "include") continue;
    if (!d.argument.starts_with("<weft/")) {
      out.add(path, d.line, "the umbrella includes weft's headers and nothing else");
      continue;
    }
    const std::string header = d.argument.substr(6, d.argument.size() - 7);
    const std::string folder = folder_of(header);
    if (!named.emplace(header, d.line).second) out.add(path, d.line, "<weft/" + header + "> is there twice");
    if (!p.has("include/weft/" + header)) {
      out.add(path, d.line, "there is no <weft/" + header + ">");
      continue;
    }
    if (folder == "detail" || folder == "testing") {
      out.add(path, d.line, folder + "/ is not for the umbrella");
      continue;
    }
    if (needs_package(p, header)) {
      out.add(path, d.line, "<weft/" + header + "> needs a package: it is not for the umbrella");
      continue;
    }
    const std::string& line = map.lines()[d.line - 1];
    if (line.find(" // ", line.find('>')) == std::string::npos) {
      out.add(path, d.line, "say after <weft/" + header + "> what it is: this is the map");
    }
    if (const auto found = floors_of_folders().find(folder); found != floors_of_folders().end()) {
      if (found->second < floor) out.add(path, d.line, "<weft/" + header + "> belongs further up: floor by floor");
      floor = found->second;
    }
  }
  for (const std::string& file : p.files("include/weft", ".hpp")) {
    out.look();
    const std::string header = inside_weft(file);
    const std::string folder = folder_of(header);
    if (header == "weft.hpp" || folder == "detail" || folder == "testing") continue;
    if (needs_package(p, header)) continue;
    if (!named.contains(header)) out.add(path, 0, "<weft/" + header + "> is missing");
  }
}

}  // namespace architecture
