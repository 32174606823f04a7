// wait: says which tasks have ended and which have not. It cancels nobody; that is left to the one who asks.
// SPDX-License-Identifier: MIT
#include <string>

#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> work(weft::duration length) { co_await weft::sleep_for(length); }

void show(const char* title, const std::vector<weft::task_handle<>>& tasks) {
  fmt::print("{}:", title);
  for (const weft::task_handle<>& t : tasks) fmt::print(" {}", t.name());
  fmt::print("\n");
}

weft::task<> async_main() {
  std::vector<weft::task_handle<>> tasks;
  tasks.push_back(weft::create_task(work(3s), "three"));
  tasks.push_back(weft::create_task(work(1s), "one"));
  tasks.push_back(weft::create_task(work(2s), "two"));

  auto [first, others] = co_await weft::wait(tasks, weft::first_completed);
  show("first", first);
  show("others", others);

  auto [done, pending] = co_await weft::wait(others, weft::all_completed, 1500ms);
  show("done within 1.5 s", done);
  show("pending", pending);

  for (const weft::task_handle<>& t : pending) t.cancel();
  co_await weft::wait(pending);
  fmt::print("cancelled: {}\n", pending.front().cancelled());
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
