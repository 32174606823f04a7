// W2: a lone idle callback is called once in each turn of the loop: libuv's way to go on later.
// SPDX-License-Identifier: MIT
#include <uv.h>

#include <cstdint>

#include "../support/measure.hpp"

struct worker {
  uv_idle_t idle;
  std::uint64_t turns;
  std::uint64_t* done;
};

void turn(uv_idle_t* idle) {
  auto& w = *static_cast<worker*>(idle->data);
  if (w.turns == 0) {
    uv_idle_stop(idle);
    return;
  }
  --w.turns;
  ++*w.done;
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  uv_loop_t loop;
  uv_loop_init(&loop);
  worker w{{}, m.ops(), &done};
  uv_idle_init(&loop, &w.idle);
  w.idle.data = &w;
  uv_idle_start(&w.idle, turn);
  uv_run(&loop, UV_RUN_DEFAULT);
  m.end();
  return m.report(done == m.ops());
}
