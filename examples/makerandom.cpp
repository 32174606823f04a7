// makerandom: three coroutines draw from one random generator, each at its own pace, until a number is high enough.
// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <charconv>
#include <ranges>
#include <string_view>
#include <vector>
#include <weft/weft.hpp>

#include "python_random.hpp"

constexpr const char* c[] = {"\033[0m", "\033[36m", "\033[91m", "\033[35m"};  // ANSI colors: end, cyan, red, magenta

weft::task<int> makerandom(python_random& random, int idx, int threshold = 6) {
  fmt::print("{}Initiated makerandom({}).\n", c[idx + 1], idx);
  int i = random.randint(0, 10);
  while (i <= threshold) {
    fmt::print("{}makerandom({}) == {} too low; retrying.\n", c[idx + 1], idx, i);
    co_await weft::sleep_for(std::chrono::seconds(idx + 1));
    i = random.randint(0, 10);
  }
  fmt::print("{}---> Finished: makerandom({}) == {}{}\n", c[idx + 1], idx, i, c[0]);
  co_return i;
}

weft::task<std::vector<int>> async_main(python_random& random) {
  const auto make = [&](int i) { return makerandom(random, i, 10 - i - 1); };
  co_return co_await weft::gather(std::views::iota(0, 3) | std::views::transform(make));
}

constexpr std::string_view usage =
    "usage: makerandom [seed] [--virtual-time]\n"
    "  seed            a whole number of up to 64 bits; 444 if not given\n"
    "  --virtual-time  print the same at once: the clock jumps over every sleep\n";

int main(int argc, char** argv) try {
  weft::virtual_clock virtual_clock;
  weft::run_options options;
  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (std::erase(arguments, "--virtual-time") > 0) options.clock = &virtual_clock;
  if (std::erase(arguments, "--help") > 0) {
    fmt::print("{}", usage);
    return 0;
  }

  const std::string_view text = arguments.empty() ? "444" : arguments.back();
  std::uint64_t seed = 0;  // without the sign, which Python ignores, too
  const auto [end, error] = std::from_chars(text.data() + text.starts_with('-'), text.data() + text.size(), seed);
  if (arguments.size() > 1 || error != std::errc() || end != text.data() + text.size()) {
    fmt::print(stderr, "makerandom: cannot use '{}'\n{}", text, usage);
    return 2;
  }

  python_random random(seed);
  const std::vector<int> r = weft::run(async_main(random), options);
  fmt::print("\nr1: {}, r2: {}, r3: {}\n", r[0], r[1], r[2]);
} catch (const weft::keyboard_interrupt&) {
  return 130;  // Ctrl-C: the status that a shell gives it
}
