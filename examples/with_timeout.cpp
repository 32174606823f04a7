// with_timeout: a time limit around a piece of work. What is not done by then is cancelled.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<int> measure(weft::duration length) {
  co_await weft::sleep_for(length);
  co_return 42;
}

weft::task<> async_main() {
  fmt::print("in time: {}\n", co_await weft::with_timeout(1s, measure(500ms)));

  try {
    co_await weft::with_timeout(1s, measure(1h));
  } catch (const weft::timeout_error& e) {
    fmt::print("not in time: {}\n", e.what());
  }

  // A body that is handed the scope may move its limit: here, each step gets a second of its own.
  const int steps = co_await weft::with_timeout(1s, [](weft::timeout_scope& limit) -> weft::task<int> {
    int done = 0;
    for (; done < 3; ++done) {
      co_await weft::sleep_for(800ms);
      limit.reschedule(weft::event_loop::current().time() + 1s);
    }
    co_return done;
  });
  fmt::print("in time: {} steps\n", steps);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
