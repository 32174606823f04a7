// count_sync: three calls sleep one after the other, so three seconds of sleep take three. Compare count.cpp.
// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <string_view>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

using namespace std::chrono_literals;

// Blocks the whole thread, as time.sleep does. A virtual clock jumps ahead instead, and leaves nothing to wait for.
void sleep_for(weft::clock& clock, weft::duration span) {
  std::this_thread::sleep_for(clock.wait_until(clock.now() + span));
}

void count(weft::clock& clock) {
  fmt::print("One\n");
  sleep_for(clock, 1s);
  fmt::print("Two\n");
}

void sync_main(weft::clock& clock) {
  for (int n = 0; n < 3; ++n) count(clock);
}

constexpr std::string_view usage =
    "usage: count_sync [--virtual-time]\n"
    "  --virtual-time  print the same at once: the clock jumps over every sleep\n";

int main(int argc, char** argv) {
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
    fmt::print(stderr, "count_sync: cannot use '{}'\n{}", arguments.front(), usage);
    return 2;
  }

  const auto start = clock->now();
  sync_main(*clock);
  const std::chrono::duration<double> elapsed = clock->now() - start;
  fmt::print("{} executed in {:.2f} seconds.\n", argv[0], elapsed.count());
}
