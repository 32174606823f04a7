// shield: the wait for a task can be given up, and the task goes on.
// SPDX-License-Identifier: MIT
#include <string>

#include "run_example.hpp"

using namespace std::chrono_literals;

// It may run on when its caller is gone, so it takes what it needs by value.
weft::task<> save(std::string document) {
  fmt::print("saving {}\n", document);
  co_await weft::sleep_for(3s);
  fmt::print("saved {}\n", document);
}

weft::task<> async_main() {
  weft::task_handle<> saving = weft::create_task(save("report.txt"));
  try {
    co_await weft::wait_for(weft::shield(saving), 1s);
  } catch (const weft::timeout_error&) {
    fmt::print("not saved within a second; cancelled: {}\n", saving.cancelled());
  }
  co_await saving;
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
