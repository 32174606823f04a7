// semaphore: ten downloads, at most three at the same time.
// SPDX-License-Identifier: MIT
#include <ranges>

#include "run_example.hpp"

using namespace std::chrono_literals;

struct counters {
  int running = 0;
  int most = 0;
};

weft::task<> download(weft::semaphore& three, counters& seen) {
  const auto permit = co_await three.acquire();
  seen.most = std::max(seen.most, ++seen.running);
  co_await weft::sleep_for(1s);
  --seen.running;
}

weft::task<> async_main() {
  weft::semaphore three(3);
  counters seen;
  const auto make = [&](int) { return download(three, seen); };

  const weft::time_point start = weft::event_loop::current().time();
  co_await weft::gather(std::views::iota(0, 10) | std::views::transform(make));
  const std::chrono::duration<double> took = weft::event_loop::current().time() - start;
  fmt::print("at most {} at the same time, {:.1f} seconds\n", seen.most, took.count());
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
