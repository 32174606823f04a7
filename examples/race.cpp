// race: the first to end wins; the others are cancelled, and have ended when the race is over.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

// Takes jobs until somebody says stop.
weft::task<> worker(weft::queue<int>& jobs, weft::event& stop) {
  for (;;) {
    auto first = co_await weft::race(jobs.get(), stop.wait());
    if (first.index() == 1) break;
    fmt::print("job {}\n", std::get<0>(first));
    co_await weft::sleep_for(1s);
  }
  fmt::print("stopped\n");
}

weft::task<> async_main() {
  weft::queue<int> jobs;
  weft::event stop;
  weft::task_handle<> working = weft::create_task(worker(jobs, stop));

  co_await jobs.put(1);
  co_await jobs.put(2);
  co_await weft::sleep_for(5s);
  stop.set();
  co_await working;

  co_await jobs.put(3);  // the get() that lost is over: it takes nothing more
  fmt::print("jobs left: {}\n", jobs.size());
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
