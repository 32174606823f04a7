// The makespan problem with generators: workers that yield the time of their next step to a scheduler of ten lines.
// SPDX-License-Identifier: MIT
#include "makespan.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <thread>
#include <vector>
#include <weft/flow/generator.hpp>

using time_point = logbook::clock::time_point;

// Yields when it wants to go on; between two yields it has the thread to itself.
weft::generator<time_point> work(std::size_t worker, std::deque<job>& todo, logbook& log) {
  while (!todo.empty()) {
    const job next = todo.front();
    todo.pop_front();
    const double begin = log.now();
    co_yield logbook::clock::now() + next.time;
    log.add(worker, next, begin, log.now());
  }
}

void solve(logbook& log) {
  std::deque<job> todo(jobs.begin(), jobs.end());
  std::vector<weft::generator<time_point>> all;
  for (std::size_t i = 0; i < workers; ++i) all.push_back(work(i, todo, log));

  // What an event loop does, without the loop: sleep until the first one wants to go on, and let it.
  std::vector<decltype(all.front().begin())> steps;
  for (auto& generator : all) steps.push_back(generator.begin());
  while (true) {
    const auto waits = [](auto& step) { return step != std::default_sentinel; };
    const auto sooner = [&](auto& a, auto& b) { return waits(a) && (!waits(b) || *a < *b); };
    auto first = std::min_element(steps.begin(), steps.end(), sooner);
    if (!waits(*first)) break;
    std::this_thread::sleep_until(**first);
    ++*first;
  }
}

int main(int argc, char** argv) { return run_makespan(argc, argv, "generators", solve); }
