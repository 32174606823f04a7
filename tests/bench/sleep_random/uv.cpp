// W4: many timers of a random time below a second; libuv's are whole milliseconds.
// SPDX-License-Identifier: MIT
#include <uv.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "../support/measure.hpp"

void wake(uv_timer_t* timer) { ++*static_cast<std::uint64_t*>(timer->data); }

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  bench::delays delays;
  std::uint64_t done = 0;
  m.begin();
  uv_loop_t loop;
  uv_loop_init(&loop);
  std::vector<uv_timer_t> timers(m.ops());
  for (uv_timer_t& timer : timers) {
    uv_timer_init(&loop, &timer);
    timer.data = &done;
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(delays.next()).count();
    uv_timer_start(&timer, wake, static_cast<std::uint64_t>(delay), 0);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  m.end();
  return m.report(done == m.ops());
}
