// task_group: tasks that belong together. When one fails, the others are cancelled, and all have ended when it is left.
// SPDX-License-Identifier: MIT
#include <string>

#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> fetch(std::string page, weft::duration length, std::vector<std::string>& fetched) {
  try {
    co_await weft::sleep_for(length);
    if (page == "broken") throw std::runtime_error("no such page");
    fetched.push_back(page);
  } catch (const weft::cancelled_error&) {
    fmt::print("{} is given up\n", page);
    throw;
  }
}

weft::task<> async_main() {
  std::vector<std::string> fetched;  // the tasks may refer to it: none of them outlives the group
  try {
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      group.create_task(fetch("quick", 1s, fetched));
      group.create_task(fetch("broken", 2s, fetched));
      group.create_task(fetch("slow", 3s, fetched));
      co_return;
    });
  } catch (const weft::exception_group& errors) {
    errors.handle<std::runtime_error>([](const std::runtime_error& e) { fmt::print("failed: {}\n", e.what()); })
        .rethrow();  // what is left; here nothing
  }
  for (const std::string& page : fetched) fmt::print("fetched: {}\n", page);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
