// barrier: nobody begins the next round before all have finished this one.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> player(const char* name, weft::duration thinks, weft::barrier& round) {
  for (int n = 1; n <= 2; ++n) {
    co_await weft::sleep_for(thinks);
    fmt::print("{} has moved\n", name);
    const std::size_t number = co_await round.wait();
    if (number == 0) fmt::print("-- round {} is over\n", n);  // one of them gets 0
  }
}

weft::task<> async_main() {
  weft::barrier round(3);
  co_await weft::gather(player("Ada", 1s, round), player("Ben", 3s, round), player("Cleo", 2s, round));
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
