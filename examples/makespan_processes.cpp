// The makespan problem with processes: each job is a program of its own, at most two at a time.
// SPDX-License-Identifier: MIT
#include "makespan.hpp"

#include <string>
#include <weft/weft.hpp>

weft::task<> work(std::size_t worker, weft::queue<job>& todo, logbook& log) {
  while (!todo.empty()) {
    const job next = todo.get_nowait();
    const double begin = log.now();
    const std::string seconds = fmt::format("{:.3f}", static_cast<double>(next.time.count()) / 1000);
    weft::process sleeper = co_await weft::create_subprocess_exec("sleep", seconds);
    const int status = co_await sleeper.wait();
    if (status != 0) throw std::runtime_error(fmt::format("sleep {} ended with {}", seconds, status));
    log.add(worker, next, begin, log.now());
  }
}

weft::task<> async_main(logbook& log) {
  weft::queue<job> todo;
  for (const job& j : jobs) todo.put_nowait(j);
  co_await weft::gather(work(0, todo, log), work(1, todo, log));
}

int main(int argc, char** argv) {
  return run_makespan(argc, argv, "processes", [](logbook& log) { weft::run(async_main(log)); });
}
