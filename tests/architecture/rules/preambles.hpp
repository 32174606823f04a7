// A file says first what it is for, then its licence; a header is read once.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "../project.hpp"

namespace architecture {

/// Whether there is a full stop at the end and nowhere else: "epoll, poll(2)." is one sentence, "A thing. Another." is
/// none.
inline bool is_one_sentence(const std::string& text) {
  if (text.empty() || (text.back() != '.' && text.back() != '?')) return false;
  for (std::size_t i = text.find(". "); i != std::string::npos; i = text.find(". ", i + 1)) {
    const char next = i + 2 < text.size() ? text[i + 2] : ' ';
    if (next >= 'A' && next <= 'Z') return false;
  }
  return true;
}

inline void preamble(const source& file, findings& out) {
  out.look();
  const auto& lines = file.lines();
  std::string purpose;
  std::size_t i = 0;
  for (; i < lines.size() && lines[i].starts_with("// ") && !lines[i].starts_with("// SPDX"); ++i) {
    purpose += (purpose.empty() ? "" : " ") + lines[i].substr(3);
  }
  const bool is_header = file.path().ends_with(".hpp");
  if (purpose.empty() || (is_header && !is_one_sentence(purpose))) {
    out.add(file.path(), 1, "begin with `// ` and one sentence that says what this file is for, with a full stop");
  }
  if (i == lines.size() || lines[i] != "// SPDX-License-Identifier: MIT") {
    out.add(file.path(), i + 1, "after the purpose comes `// SPDX-License-Identifier: MIT`");
  }
  if (!is_header) return;
  const auto once = std::count_if(file.directives().begin(), file.directives().end(),
                                  [](const directive& d) { return d.name == "pragma" && d.argument == "once"; });
  if (once != 1) out.add(file.path(), 0, "a header needs #pragma once");
}

inline void preambles(const project& p, findings& out) {
  for (const char* folder : {"include", "examples", "tests"}) {
    for (const char* suffix : {".hpp", ".cpp"}) {
      for (const source& file : p.sources(folder, suffix)) preamble(file, out);
    }
  }
}

}  // namespace architecture
