// The makespan problem with async IO: two tasks in one thread take jobs from a queue and wait without blocking.
// SPDX-License-Identifier: MIT
#include "makespan.hpp"

#include <weft/weft.hpp>

weft::task<> work(std::size_t worker, weft::queue<job>& todo, logbook& log) {
  while (!todo.empty()) {
    const job next = todo.get_nowait();
    const double begin = log.now();
    co_await weft::sleep_for(next.time);
    log.add(worker, next, begin, log.now());
  }
}

weft::task<> async_main(logbook& log) {
  weft::queue<job> todo;
  for (const job& j : jobs) todo.put_nowait(j);
  co_await weft::gather(work(0, todo, log), work(1, todo, log));
}

int main(int argc, char** argv) {
  return run_makespan(argc, argv, "async IO", [](logbook& log) { weft::run(async_main(log)); });
}
