// to_thread: keeps blocking code off the loop. Three calls that block take as long as one, and other tasks run
// meanwhile.
// SPDX-License-Identifier: MIT
#include <chrono>
#include <thread>

#include "run_example.hpp"

using namespace std::chrono_literals;

int square(int n) {
  std::this_thread::sleep_for(50ms);  // stands for a library that knows no coroutines
  return n * n;
}

weft::task<> count_ticks(int& ticks) {
  for (;; ++ticks) co_await weft::sleep_for(1ms);
}

weft::task<> async_main() {
  int ticks = 0;
  auto ticker = weft::create_task(count_ticks(ticks));

  const auto start = std::chrono::steady_clock::now();
  auto [a, b, c] =
      co_await weft::gather(weft::to_thread(square, 2), weft::to_thread(square, 3), weft::to_thread(square, 4));
  const auto took = std::chrono::steady_clock::now() - start;

  fmt::print("{} {} {}\n", a, b, c);
  fmt::print("at once: {}\n", took < 150ms);
  fmt::print("the loop went on: {}\n", ticks > 5);
  ticker.cancel();
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
