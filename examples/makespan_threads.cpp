// The makespan problem with threads: a pool of two calls a function that blocks, and a task waits for each call.
// SPDX-License-Identifier: MIT
#include "makespan.hpp"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>
#include <weft/weft.hpp>

// Threads share everything, so what they write to needs a lock. Each finds its number once.
class shared_log {
 public:
  explicit shared_log(logbook& log) : log_(log) {}
  double now() const { return log_.now(); }
  void add(const job& done, double begin, double end) {
    thread_local const std::size_t worker = next_worker();
    const std::lock_guard lock(mutex_);
    log_.add(worker, done, begin, end);
  }

 private:
  std::size_t next_worker() {
    const std::lock_guard lock(mutex_);
    return seen_++;
  }

  logbook& log_;
  std::mutex mutex_;
  std::size_t seen_ = 0;
};

void work(const job& next, shared_log& log) {
  const double begin = log.now();
  std::this_thread::sleep_for(next.time);
  log.add(next, begin, log.now());
}

weft::task<> async_main(shared_log& log) {
  weft::thread_pool pool(workers);
  const auto call = [&](const job& j) -> weft::task<> { co_await weft::run_in_executor(pool, [&] { work(j, log); }); };
  std::vector<weft::task<>> calls;
  for (const job& j : jobs) calls.push_back(call(j));
  co_await weft::gather(std::move(calls));
}

int main(int argc, char** argv) {
  return run_makespan(argc, argv, "threads", [](logbook& log) {
    shared_log shared(log);
    weft::run(async_main(shared));
  });
}
