// W5: a thousand timers of 30 seconds are started, the loop turns, the timers are stopped, again and again.
// SPDX-License-Identifier: MIT
#include <uv.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "../support/measure.hpp"

struct worker {
  uv_idle_t idle;
  uv_timer_t limit;
  std::uint64_t turns;
  std::uint64_t* done;
};

void expired(uv_timer_t*) { std::abort(); }

void turn(uv_idle_t* idle) {
  auto& w = *static_cast<worker*>(idle->data);
  uv_timer_stop(&w.limit);
  if (w.turns == 0) {
    uv_idle_stop(idle);
    return;
  }
  --w.turns;
  ++*w.done;
  uv_timer_start(&w.limit, expired, 30000, 0);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  uv_loop_t loop;
  uv_loop_init(&loop);
  std::vector<worker> workers(bench::many);
  for (std::uint64_t i = 0; i < bench::many; ++i) {
    worker& w = workers[i];
    w.turns = bench::share(m.ops(), i);
    w.done = &done;
    uv_idle_init(&loop, &w.idle);
    uv_timer_init(&loop, &w.limit);
    w.idle.data = &w;
    uv_idle_start(&w.idle, turn);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  m.end();
  return m.report(done == m.ops());
}
