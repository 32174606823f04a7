// A minimal coroutine loop: the bound below which no coroutine runtime gets, to compare the others with.
// SPDX-License-Identifier: MIT
//
// Recycled frames, a ring as the ready queue, a 4-ary heap of timers with removal. Nothing else: no cancellation, no
// exceptions, no descriptors, no threads, one loop a program. A pass runs what was ready when it began, and reads the
// clock only when there are timers, as weft's does.
//
//     bench::floor::task<> main_task() { co_await bench::floor::sleep_for(10ms); }
//     bench::floor::run(main_task());
#pragma once

#include <time.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <utility>
#include <vector>

namespace bench::floor {

// ---- frames ----

/// Memory from a free list per 16 bytes of size.
class recycled {
 public:
  static void* operator new(std::size_t size) {
    const std::size_t index = (size + 15) / 16;
    if (index >= classes) return ::operator new(size);
    if (block* b = lists_[index]; b != nullptr) {
      lists_[index] = b->next;
      return b;
    }
    return ::operator new(index * 16);
  }
  static void operator delete(void* memory, std::size_t size) noexcept {
    const std::size_t index = (size + 15) / 16;
    if (index >= classes) return ::operator delete(memory);
    lists_[index] = ::new (memory) block{lists_[index]};
  }

 private:
  struct block {
    block* next;
  };
  static constexpr std::size_t classes = 64;
  static inline block* lists_[classes] = {};
};

template <class T>
struct result {
  T value{};
  void return_value(T v) noexcept { value = v; }
  T take() noexcept { return value; }
};
template <>
struct result<void> {
  void return_void() noexcept {}
  void take() noexcept {}
};

/// A lazy coroutine; awaiting it runs it at once.
template <class T = void>
class task {
 public:
  struct promise_type : recycled, result<T> {
    std::coroutine_handle<> waiting = std::noop_coroutine();
    std::size_t* siblings_left = nullptr;  // of a gather

    struct final_awaiter {
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) const noexcept {
        promise_type& p = ended.promise();
        if (p.siblings_left != nullptr && --*p.siblings_left > 0) return std::noop_coroutine();
        return p.waiting;
      }
      void await_resume() const noexcept {}
    };

    task get_return_object() noexcept { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() const noexcept { std::terminate(); }
  };

  task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~task() {
    if (coroutine_) coroutine_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const noexcept {
    coroutine_.promise().waiting = waiting;
    return coroutine_;
  }
  T await_resume() const noexcept { return coroutine_.promise().take(); }

  std::coroutine_handle<promise_type> coroutine() const noexcept { return coroutine_; }

 private:
  explicit task(std::coroutine_handle<promise_type> c) noexcept : coroutine_(c) {}
  std::coroutine_handle<promise_type> coroutine_;
};

// ---- the ready queue and the timers ----

class ring {
 public:
  std::size_t size() const noexcept { return tail_ - head_; }
  void push(std::coroutine_handle<> h) {
    if (size() == slots_.size()) grow();
    slots_[tail_++ & (slots_.size() - 1)] = h;
  }
  std::coroutine_handle<> pop() noexcept { return slots_[head_++ & (slots_.size() - 1)]; }

 private:
  void grow() {
    std::vector<std::coroutine_handle<>> larger(slots_.empty() ? 64 : slots_.size() * 2);
    const std::size_t count = size();
    for (std::size_t i = 0; i < count; ++i) larger[i] = pop();
    slots_.swap(larger);
    head_ = 0;
    tail_ = count;
  }
  std::vector<std::coroutine_handle<>> slots_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

struct timer {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t slot = none;
  std::coroutine_handle<> sleeper = std::noop_coroutine();
};

class timer_heap {
 public:
  bool empty() const noexcept { return entries_.empty(); }
  timer& top() const noexcept { return *entries_.front().node; }
  std::int64_t top_deadline() const noexcept { return entries_.front().deadline; }

  void push(timer& t, std::int64_t deadline) {
    entries_.push_back({deadline, &t});
    rise(entries_.size() - 1, {deadline, &t});
  }
  void remove(timer& t) noexcept {
    const std::size_t slot = std::exchange(t.slot, timer::none);
    const entry last = entries_.back();
    entries_.pop_back();
    if (last.node == &t) return;
    if (slot > 0 && last.deadline < entries_[(slot - 1) / 4].deadline) {
      rise(slot, last);
    } else {
      sink(slot, last);
    }
  }

 private:
  struct entry {
    std::int64_t deadline;
    timer* node;
  };
  void place(std::size_t slot, entry e) noexcept {
    entries_[slot] = e;
    e.node->slot = slot;
  }
  void rise(std::size_t slot, entry e) noexcept {
    for (; slot > 0 && e.deadline < entries_[(slot - 1) / 4].deadline; slot = (slot - 1) / 4) {
      place(slot, entries_[(slot - 1) / 4]);
    }
    place(slot, e);
  }
  void sink(std::size_t slot, entry e) noexcept {
    for (std::size_t first = slot * 4 + 1; first < entries_.size(); first = slot * 4 + 1) {
      const std::size_t end = first + 4 < entries_.size() ? first + 4 : entries_.size();
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (entries_[child].deadline < entries_[least].deadline) least = child;
      }
      if (entries_[least].deadline >= e.deadline) break;
      place(slot, entries_[least]);
      slot = least;
    }
    place(slot, e);
  }
  std::vector<entry> entries_;
};

// ---- the loop ----

inline ring ready;
inline timer_heap timers;
inline bool virtual_time = false;
inline std::int64_t virtual_now = 0;

inline std::int64_t now() noexcept {
  return virtual_time ? virtual_now : std::chrono::steady_clock::now().time_since_epoch().count();
}

inline void wait_until(std::int64_t deadline) noexcept {
  if (virtual_time) {
    virtual_now = deadline;
    return;
  }
  const timespec t{deadline / 1'000'000'000, deadline % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

/// Runs the loop until nothing is left to do.
template <class T>
T run(task<T> main) {
  ready.push(main.coroutine());
  for (;;) {
    if (!timers.empty()) {
      if (ready.size() == 0) wait_until(timers.top_deadline());
      const std::int64_t present = now();
      while (!timers.empty() && timers.top_deadline() <= present) {
        timer& due = timers.top();
        timers.remove(due);
        ready.push(due.sleeper);
      }
    }
    const std::size_t count = ready.size();
    if (count == 0 && timers.empty()) return main.await_resume();
    for (std::size_t i = 0; i < count; ++i) ready.pop().resume();
  }
}

/// co_await yield(): resumes in the next pass.
struct yield {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const { ready.push(h); }
  void await_resume() const noexcept {}
};

/// co_await sleep_for(delay). Destroyed meanwhile: the timer is gone.
class sleep_for {
 public:
  explicit sleep_for(std::chrono::nanoseconds delay) noexcept : delay_(delay.count()) {}
  sleep_for(const sleep_for&) = delete;
  ~sleep_for() {
    if (timer_.slot != timer::none) timers.remove(timer_);
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    timer_.sleeper = h;
    timers.push(timer_, now() + delay_);
  }
  void await_resume() const noexcept {}

 private:
  timer timer_;
  std::int64_t delay_;
};

/// A timer while it lives; nothing happens when it is due.
class time_limit {
 public:
  explicit time_limit(std::chrono::nanoseconds limit) { timers.push(timer_, now() + limit.count()); }
  time_limit(const time_limit&) = delete;
  ~time_limit() {
    if (timer_.slot != timer::none) timers.remove(timer_);
  }

 private:
  timer timer_;
};

/// co_await gather(tasks): starts them all in the next pass; the tasks then have the results.
template <class T>
class gather {
 public:
  explicit gather(std::vector<task<T>>& tasks) noexcept : tasks_(&tasks), left_(tasks.size()) {}
  gather(const gather&) = delete;
  bool await_ready() const noexcept { return left_ == 0; }
  void await_suspend(std::coroutine_handle<> h) {
    for (task<T>& t : *tasks_) {
      t.coroutine().promise().waiting = h;
      t.coroutine().promise().siblings_left = &left_;
      ready.push(t.coroutine());
    }
  }
  void await_resume() const noexcept {}

 private:
  std::vector<task<T>>* tasks_;
  std::size_t left_;
};

}  // namespace bench::floor
