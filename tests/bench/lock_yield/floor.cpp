// W7: a thousand tasks hold one lock over a yield, again and again.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <coroutine>
#include <cstdint>
#include <vector>

#include "../support/measure.hpp"

namespace fl = bench::floor;

// Handed over to the first who waits, who resumes in the next pass.
class mutex {
 public:
  auto lock() { return lock_awaiter{*this}; }
  void unlock() {
    if (waiting_.size() > 0) {
      fl::ready.push(waiting_.pop());
    } else {
      locked_ = false;
    }
  }

 private:
  struct lock_awaiter {
    mutex& m;
    bool await_ready() const { return !m.locked_; }
    void await_suspend(std::coroutine_handle<> h) { m.waiting_.push(h); }
    void await_resume() { m.locked_ = true; }
  };
  bool locked_ = false;
  fl::ring waiting_;
};

fl::task<> worker(mutex& mutex, std::uint64_t turns, std::uint64_t& done) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await mutex.lock();
    const std::uint64_t before = done;
    co_await fl::yield();
    done = before + 1;  // nobody came between
    mutex.unlock();
  }
}

fl::task<> all(std::uint64_t ops, std::uint64_t& done) {
  mutex mutex;
  std::vector<fl::task<>> workers;
  for (std::uint64_t i = 0; i < bench::many; ++i) workers.push_back(worker(mutex, bench::share(ops, i), done));
  co_await fl::gather(workers);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t done = 0;
  m.begin();
  fl::run(all(m.ops(), done));
  m.end();
  return m.report(done == m.ops());
}
