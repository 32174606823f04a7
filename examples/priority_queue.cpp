// priority_queue: the most urgent first, whenever it came.
// SPDX-License-Identifier: MIT
#include <string>

#include "run_example.hpp"

struct patient {
  int urgency;
  std::string name;
};

// The smallest comes first; without this argument, by operator<.
struct more_urgent {
  bool operator()(const patient& a, const patient& b) const { return a.urgency > b.urgency; }
};

weft::task<> doctor(weft::priority_queue<patient, more_urgent>& waiting_room) {
  try {
    for (;;) {
      const patient next = co_await waiting_room.get();
      fmt::print("{}\n", next.name);
    }
  } catch (const weft::queue_shut_down_error&) {
    fmt::print("nobody is left\n");
  }
}

weft::task<> async_main() {
  weft::priority_queue<patient, more_urgent> waiting_room;
  waiting_room.put_nowait({.urgency = 1, .name = "Ada, a cold"});
  waiting_room.put_nowait({.urgency = 9, .name = "Ben, a broken leg"});
  waiting_room.put_nowait({.urgency = 5, .name = "Cleo, a fever"});
  waiting_room.shutdown();  // who is in is still seen
  co_await doctor(waiting_room);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
