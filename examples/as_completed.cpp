// as_completed: looks at results as they come, whoever is first.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<int> square(int n, weft::duration length) {
  co_await weft::sleep_for(length);
  if (n == 2) throw std::runtime_error("two will not do");
  co_return n* n;
}

weft::task<> async_main() {
  std::vector<weft::task_handle<int>> tasks;
  tasks.push_back(weft::create_task(square(1, 3s), "1"));
  tasks.push_back(weft::create_task(square(2, 1s), "2"));
  tasks.push_back(weft::create_task(square(3, 2s), "3"));

  auto results = weft::as_completed(tasks);
  while (auto next = co_await results.next()) {
    try {
      fmt::print("{}: {}\n", next->name(), next->result());
    } catch (const std::runtime_error& e) {
      fmt::print("{}: {}\n", next->name(), e.what());
    }
  }
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
