// wait_for: waits for something that others do, but not for ever.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> open_late(weft::event& door) {
  co_await weft::sleep_for(2500ms);
  fmt::print("the door opens\n");
  door.set();
}

weft::task<bool> open_within_a_second(weft::event& door) {
  try {
    co_await weft::wait_for(door.wait(), 1s);
    co_return true;
  } catch (const weft::timeout_error&) {
    co_return false;
  }
}

weft::task<> async_main() {
  weft::event door;
  weft::task_handle<> opener = weft::create_task(open_late(door));
  for (;;) {
    const bool open = co_await open_within_a_second(door);
    if (open) break;
    fmt::print("still closed\n");
  }
  fmt::print("in\n");
  co_await opener;
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
