// The main function of the short examples: runs a main task, on the real clock or, with --virtual-time, on a virtual
// one.
// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <vector>
#include <weft/weft.hpp>

template <class Main>
int run_example(int argc, char** argv, Main async_main) try {
  const std::string_view path = argv[0];
  const std::string_view name = path.substr(path.rfind('/') + 1);
  weft::virtual_clock virtual_clock;
  weft::run_options options;

  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (std::erase(arguments, "--virtual-time") > 0) options.clock = &virtual_clock;
  const bool help = std::erase(arguments, "--help") > 0;
  const bool bad = !help && !arguments.empty();
  if (bad) fmt::print(stderr, "{}: cannot use '{}'\n", name, arguments.front());
  if (help || bad) {
    fmt::print(bad ? stderr : stdout,
               "usage: {} [--virtual-time]\n"
               "  --virtual-time  print the same at once: the clock jumps over every sleep\n",
               name);
    return bad ? 2 : 0;
  }

  weft::run(options, async_main);
  return 0;
} catch (const weft::keyboard_interrupt&) {
  return 130;  // Ctrl-C: the status that a shell gives it
}
