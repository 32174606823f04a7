// W8: stops and closes many timers and waits until they are closed. That they are started is not measured.
// SPDX-License-Identifier: MIT
#include <uv.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "../support/measure.hpp"

void expired(uv_timer_t*) { std::abort(); }

void closed(uv_handle_t* timer) { ++*static_cast<std::uint64_t*>(timer->data); }

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t cancelled = 0;
  uv_loop_t loop;
  uv_loop_init(&loop);
  std::vector<uv_timer_t> timers(m.ops());
  for (uv_timer_t& timer : timers) {
    uv_timer_init(&loop, &timer);
    timer.data = &cancelled;
    uv_timer_start(&timer, expired, 3'600'000, 0);
  }
  uv_run(&loop, UV_RUN_NOWAIT);
  m.begin();
  for (uv_timer_t& timer : timers) uv_close(reinterpret_cast<uv_handle_t*>(&timer), closed);
  uv_run(&loop, UV_RUN_DEFAULT);
  m.end();
  return m.report(cancelled == m.ops());
}
