// W6: two tasks send an item there and back over two queues of capacity 1.
// SPDX-License-Identifier: MIT
#include "../support/floor.hpp"

#include <coroutine>
#include <cstdint>
#include <utility>
#include <vector>

#include "../support/measure.hpp"

namespace fl = bench::floor;

// For one task that puts and one that gets: who waits is woken in the next pass.
class queue {
 public:
  auto put(std::uint64_t item) { return put_awaiter{*this, item}; }
  auto get() { return get_awaiter{*this}; }

 private:
  struct put_awaiter {
    queue& q;
    std::uint64_t item;
    bool await_ready() const { return !q.full_; }
    void await_suspend(std::coroutine_handle<> h) { q.putter_ = h; }
    void await_resume() {
      q.item_ = item;
      q.full_ = true;
      wake(q.getter_);
    }
  };
  struct get_awaiter {
    queue& q;
    bool await_ready() const { return q.full_; }
    void await_suspend(std::coroutine_handle<> h) { q.getter_ = h; }
    std::uint64_t await_resume() {
      q.full_ = false;
      wake(q.putter_);
      return q.item_;
    }
  };
  static void wake(std::coroutine_handle<>& waiting) {
    if (waiting) fl::ready.push(std::exchange(waiting, nullptr));
  }

  bool full_ = false;
  std::uint64_t item_ = 0;
  std::coroutine_handle<> putter_;
  std::coroutine_handle<> getter_;
};

fl::task<> client(queue& requests, queue& replies, std::uint64_t turns, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    co_await requests.put(i);
    sum += co_await replies.get();
  }
}

fl::task<> server(queue& requests, queue& replies, std::uint64_t turns) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    const std::uint64_t item = co_await requests.get();
    co_await replies.put(item);
  }
}

fl::task<> both(std::uint64_t turns, std::uint64_t& sum) {
  queue requests;
  queue replies;
  std::vector<fl::task<>> tasks;
  tasks.push_back(client(requests, replies, turns, sum));
  tasks.push_back(server(requests, replies, turns));
  co_await fl::gather(tasks);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  std::uint64_t sum = 0;
  m.begin();
  fl::run(both(m.ops(), sum));
  m.end();
  return m.report(sum == bench::sum_below(m.ops()));
}
