// queue: two workers share what comes in; join() waits until all is done, shutdown() sends the workers home.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> worker(const char* name, weft::queue<int>& jobs) {
  try {
    for (;;) {
      const int job = co_await jobs.get();
      fmt::print("{} begins {}\n", name, job);
      co_await weft::sleep_for(std::chrono::seconds(job));
      fmt::print("{} is done with {}\n", name, job);
      jobs.task_done();
    }
  } catch (const weft::queue_shut_down_error&) {
    fmt::print("{} goes home\n", name);
  }
}

weft::task<> boss(weft::queue<int>& jobs) {
  for (int job = 1; job <= 4; ++job) co_await jobs.put(job);  // waits while two are in the queue
  co_await jobs.join();
  fmt::print("all done\n");
  jobs.shutdown();
}

weft::task<> async_main() {
  weft::queue<int> jobs(2);
  co_await weft::gather(worker("Ada", jobs), worker("Ben", jobs), boss(jobs));
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
