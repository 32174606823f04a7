// signal_set: a service that reads its settings again on SIGHUP, and stops cleanly on SIGTERM.
// SPDX-License-Identifier: MIT
#include <signal.h>

#include "run_example.hpp"

using namespace std::chrono_literals;

struct open_connections {
  ~open_connections() { fmt::print("the connections are closed\n"); }
};

weft::task<> serve() {
  const open_connections closed_at_the_end;
  for (int n = 1;; ++n) {
    co_await weft::sleep_for(300ms);
    fmt::print("request {}\n", n);
  }
}

weft::task<> somebody_outside() {  // who would type: kill -HUP, kill
  co_await weft::sleep_for(1s);
  ::raise(SIGHUP);
  co_await weft::sleep_for(1s);
  ::raise(SIGTERM);
}

weft::task<> async_main() {
  weft::signal_set signals(SIGHUP, SIGTERM);
  weft::task_handle<> serving = weft::create_task(serve());
  weft::create_task(somebody_outside());

  int number = co_await signals.next();
  for (; number != SIGTERM; number = co_await signals.next()) fmt::print("SIGHUP: the settings are read again\n");

  fmt::print("SIGTERM: stopping\n");
  serving.cancel();
  co_await weft::outcome_of(serving);  // until it has ended
  fmt::print("stopped\n");
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
