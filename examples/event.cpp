// event: a flag that any number of tasks can wait for.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> runner(int number, weft::event& start) {
  co_await start.wait();
  fmt::print("runner {} runs\n", number);
}

weft::task<> starter(weft::event& start) {
  co_await weft::sleep_for(1s);
  fmt::print("go, all {} of you\n", start.waiters());
  start.set();
}

weft::task<> async_main() {
  weft::event start;
  co_await weft::gather(runner(1, start), runner(2, start), runner(3, start), starter(start));
  co_await runner(4, start);  // too late to wait: the flag stays set until clear()
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
