// weft_trace: runs conformance programs on weft, and prints or checks what they print.
// SPDX-License-Identifier: MIT
//
// reference/oracle.py does the same on CPython's asyncio; README.md here says how the two are compared.
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "collection.hpp"
#include "harness.hpp"
#include "parse_program.hpp"

namespace {

using namespace conformance;

constexpr std::string_view help = R"(weft_trace: runs conformance programs (reference/FORMAT.md) on weft

  weft_trace PROGRAM.json         print the program's trace
  weft_trace --all PROGRAMS OUT   write OUT/NAME.trace for each program
  weft_trace --check PROGRAMS     compare each program's trace with the one beside it
  weft_trace --help               print this

PROGRAMS is a folder of NAME.json (and NAME.trace) files, or a bundle that oracle.py has made.
--verbose, as the first argument, names each program before it runs (to find the one that crashes).

exit status: 0: done, all equal; 1: a trace differs or a program failed; 2: bad arguments or input
)";

constexpr int equal = 0;
constexpr int different = 1;
constexpr int bad_input = 2;

class usage_mistake : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// weft threw something that no program can cause.
class run_failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void print(std::FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

std::string run_text(const std::string& name, std::string_view text) {
  static const vocabulary words = known_statements();
  program p;
  try {
    p = parse_program(text, words);
  } catch (const json::error& e) {
    throw input_error(name + ": " + e.what());
  }
  try {
    return run_program(p);
  } catch (const endless_program& e) {
    throw input_error(name + ": " + e.what());
  } catch (const std::exception& e) {
    throw run_failure(name + ": weft failed: " + e.what());
  }
}

std::string run_case(const test_case& c, bool verbose) {
  if (verbose) print(stderr, c.name + "\n");
  return run_text(c.name, c.program);
}

int run_one(const std::filesystem::path& path) {
  print(stdout, run_text(path.string(), read_file(path)));
  return equal;
}

int run_all(const std::filesystem::path& programs, const std::filesystem::path& out, bool verbose) {
  const std::vector<test_case> cases = read_collection(programs);
  std::filesystem::create_directories(out);
  std::size_t failed = 0;
  for (const test_case& c : cases) {
    try {
      write_file(out / (c.name + ".trace"), run_case(c, verbose));
    } catch (const run_failure& e) {
      print(stderr, std::string(e.what()) + "\n");
      ++failed;
    }
  }
  print(stdout, std::to_string(cases.size() - failed) + " traces written\n");
  return failed == 0 ? equal : different;
}

/// Splits off the first line; "(end)" if there is none.
std::string_view take_line(std::string_view& text) {
  if (text.empty()) return "(end)";
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
  return line;
}

std::string first_difference(std::string_view expected, std::string_view found) {
  for (std::size_t number = 1;; ++number) {
    const std::string_view a = take_line(expected);
    const std::string_view b = take_line(found);
    if (a == b && !(expected.empty() && found.empty())) continue;
    return "line " + std::to_string(number) + ":\n  expected  " + std::string(a) + "\n  found     " + std::string(b) +
           "\n";
  }
}

int check(const std::filesystem::path& programs, bool verbose) {
  const std::vector<test_case> cases = read_collection(programs);
  for (const test_case& c : cases) {
    if (!c.trace) throw input_error(c.name + ": there is no " + c.name + ".trace to compare with");
  }
  std::size_t differing = 0;
  for (const test_case& c : cases) {
    std::string problem;
    try {
      const std::string found = run_case(c, verbose);
      if (found != *c.trace) problem = c.name + ", " + first_difference(*c.trace, found);
    } catch (const run_failure& e) {
      problem = std::string(e.what()) + "\n";
    }
    print(stdout, problem);
    differing += problem.empty() ? 0 : 1;
  }
  print(stdout, std::to_string(cases.size()) + " programs, " + std::to_string(cases.size() - differing) + " equal, " +
                    std::to_string(differing) + " different\n");
  return differing == 0 ? equal : different;
}

int run_command(std::vector<std::string> arguments) {
  const bool verbose = !arguments.empty() && arguments.front() == "--verbose";
  if (verbose) arguments.erase(arguments.begin());
  if (arguments.empty()) throw usage_mistake("what is to be done?");
  const std::string& first = arguments.front();
  const auto need = [&](std::size_t count) {
    if (arguments.size() != count) throw usage_mistake(first + ": wrong number of arguments");
  };
  if (first == "--help") {
    need(1);
    print(stdout, help);
    return equal;
  }
  if (first == "--all") return need(3), run_all(arguments[1], arguments[2], verbose);
  if (first == "--check") return need(2), check(arguments[1], verbose);
  if (first.starts_with("-")) throw usage_mistake(first + ": there is no such option");
  return need(1), run_one(first);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_command(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const usage_mistake& e) {
    print(stderr, std::string("weft_trace: ") + e.what() + "\n\n" + std::string(help));
    return bad_input;
  } catch (const run_failure& e) {
    print(stderr, std::string("weft_trace: ") + e.what() + "\n");
    return different;
  } catch (const std::exception& e) {
    print(stderr, std::string("weft_trace: ") + e.what() + "\n");
    return bad_input;
  }
}
