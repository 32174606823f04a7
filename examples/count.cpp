// count: three coroutines sleep at the same time, so three seconds of sleep take one. Compare count_sync.cpp.
// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <string_view>
#include <vector>
#include <weft/weft.hpp>

using namespace std::chrono_literals;

weft::task<> count() {
  fmt::print("One\n");
  co_await weft::sleep_for(1s);
  fmt::print("Two\n");
}

weft::task<> async_main() { co_await weft::gather(count(), count(), count()); }

constexpr std::string_view usage =
    "usage: count [--virtual-time]\n"
    "  --virtual-time  print the same at once: the clock jumps over every sleep\n";

int main(int argc, char** argv) try {
  weft::steady_clock real_clock;
  weft::virtual_clock virtual_clock;
  weft::clock* clock = &real_clock;

  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (std::erase(arguments, "--virtual-time") > 0) clock = &virtual_clock;
  if (std::erase(arguments, "--help") > 0) {
    fmt::print("{}", usage);
    return 0;
  }
  if (!arguments.empty()) {
    fmt::print(stderr, "count: cannot use '{}'\n{}", arguments.front(), usage);
    return 2;
  }

  const auto start = clock->now();
  weft::run(async_main(), {.clock = clock});
  const std::chrono::duration<double> elapsed = clock->now() - start;
  fmt::print("{} executed in {:.2f} seconds.\n", argv[0], elapsed.count());
} catch (const weft::keyboard_interrupt&) {
  return 130;  // Ctrl-C: the status that a shell gives it
}
