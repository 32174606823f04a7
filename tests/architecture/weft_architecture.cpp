// Checks that the sources keep to the house rules: `weft_architecture RULE ROOT` prints what does not.
// SPDX-License-Identifier: MIT
//
// Exit status: 0 if nothing is wrong, 1 if something is, 2 if there was nothing to check or the arguments are wrong.
#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string_view>

#include "project.hpp"
#include "rules/coroutines.hpp"
#include "rules/facilities.hpp"
#include "rules/floors.hpp"
#include "rules/hygiene.hpp"
#include "rules/layout.hpp"
#include "rules/names.hpp"
#include "rules/preambles.hpp"
#include "rules/temporaries.hpp"
#include "rules/umbrella.hpp"

namespace {

struct rule {
  std::string_view name;
  void (*check)(const architecture::project&, architecture::findings&);
};

constexpr std::array rules{
    rule{"floors", architecture::floors},
    rule{"umbrella", architecture::umbrella},
    rule{"preambles", architecture::preambles},
    rule{"hygiene", architecture::hygiene},
    rule{"facilities", architecture::facilities},
    rule{"coroutines", architecture::coroutines},
    rule{"names", architecture::names},
    rule{"layout", architecture::layout},
    rule{"temporaries", architecture::temporaries},
};

int usage() {
  std::fprintf(stderr, "usage: weft_architecture RULE ROOT\nrules:");
  for (const rule& r : rules) std::fprintf(stderr, " %.*s", static_cast<int>(r.name.size()), r.name.data());
  std::fprintf(stderr, "\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return usage();
  for (const rule& r : rules) {
    if (r.name != argv[1]) continue;
    const architecture::project project(std::filesystem::absolute(argv[2]));
    architecture::findings out;
    r.check(project, out);
    if (out.looked_at() == 0) {
      std::fprintf(stderr, "weft_architecture: there is nothing to check in %s\n", argv[2]);
      return 2;
    }
    std::printf("%s: looked at %zu, %zu findings\n", argv[1], out.looked_at(), out.found());
    return out.found() > 0 ? 1 : 0;
  }
  return usage();
} catch (const std::exception& e) {
  std::fprintf(stderr, "weft_architecture: %s\n", e.what());
  return 2;
}
