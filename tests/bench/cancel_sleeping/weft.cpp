// W8: cancels many sleeping tasks and waits until they have ended. That they are started is not measured.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include "../support/measure.hpp"

using namespace std::chrono_literals;

weft::task<> sleeper() { co_await weft::sleep_for(1h); }

weft::task<std::uint64_t> cancel_all(bench::meter& m) {
  std::vector<weft::task_handle<>> tasks;
  tasks.reserve(m.ops());
  for (std::uint64_t i = 0; i < m.ops(); ++i) tasks.push_back(weft::create_task(sleeper()));
  co_await weft::yield();  // now they sleep
  m.begin();
  for (const auto& task : tasks) task.cancel();
  const auto outcomes = co_await weft::gather_outcomes(tasks);
  m.end();
  const auto cancelled = std::ranges::count_if(outcomes, [](const auto& outcome) { return outcome.cancelled(); });
  co_return static_cast<std::uint64_t>(cancelled);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  const std::uint64_t cancelled = weft::run(cancel_all(m));
  return m.report(cancelled == m.ops());
}
