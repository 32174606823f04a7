// The objects of a conformance program: its locks, queues and so on, by name.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <weft/weft.hpp>

#include "errors.hpp"
#include "program.hpp"

namespace conformance {

/// The three kinds of queues look alike to a statement.
class any_queue {
 public:
  any_queue() = default;
  any_queue(const any_queue&) = delete;
  any_queue& operator=(const any_queue&) = delete;
  virtual ~any_queue() = default;

  virtual weft::task<> put(std::int64_t item) = 0;
  virtual weft::task<std::int64_t> get() = 0;
  virtual weft::task<> join() = 0;
  virtual void put_nowait(std::int64_t item) = 0;
  virtual std::int64_t get_nowait() = 0;
  virtual void task_done() = 0;
  virtual void shutdown(bool immediate) = 0;
  virtual std::int64_t size() const = 0;
  virtual std::int64_t unfinished() const = 0;
  virtual std::size_t waiters() const = 0;
  virtual std::string state() const = 0;
};

template <class Queue>
class queue_of final : public any_queue {
 public:
  explicit queue_of(std::int64_t capacity) : queue_(static_cast<std::ptrdiff_t>(capacity)) {}

  weft::task<> put(std::int64_t item) override { co_await queue_.put(item); }
  weft::task<std::int64_t> get() override { co_return co_await queue_.get(); }
  weft::task<> join() override { co_await queue_.join(); }
  void put_nowait(std::int64_t item) override { queue_.put_nowait(item); }
  std::int64_t get_nowait() override { return queue_.get_nowait(); }
  void task_done() override { queue_.task_done(); }
  void shutdown(bool immediate) override { queue_.shutdown(immediate); }
  std::int64_t size() const override { return static_cast<std::int64_t>(queue_.size()); }
  std::int64_t unfinished() const override { return static_cast<std::int64_t>(queue_.unfinished()); }
  std::size_t waiters() const override { return queue_.getters() + queue_.putters(); }
  std::string state() const override {
    return "size=" + std::to_string(queue_.size()) + " unfinished=" + std::to_string(queue_.unfinished()) +
           " getters=" + std::to_string(queue_.getters()) + " putters=" + std::to_string(queue_.putters());
  }

 private:
  Queue queue_;
};

class object_table {
 public:
  object_table(const object_list& list, weft::event_loop& loop)
      : locks_(list.locks), events_(list.events), conditions_(list.conditions) {
    for (const std::int64_t permits : list.semaphores) semaphores_.emplace_back(permits);
    for (const std::int64_t permits : list.bounded_semaphores) bounded_.emplace_back(permits);
    for (const queue_shape& q : list.queues) queues_.push_back(make_queue(q));
    for (const std::int64_t parties : list.barriers) barriers_.emplace_back(static_cast<std::size_t>(parties));
    for (std::size_t i = 0; i < list.futures; ++i) futures_.emplace_back(loop);
  }

  // The names were checked when the program was read.
  weft::mutex& lock(const std::string& name) { return locks_.at(object_number(name)); }
  weft::event& event(const std::string& name) { return events_.at(object_number(name)); }
  weft::condition_variable& condition(const std::string& name) { return conditions_.at(object_number(name)); }
  weft::semaphore& semaphore(const std::string& name) {
    if (name.front() == 'D') return bounded_.at(object_number(name));
    return semaphores_.at(object_number(name));
  }
  any_queue& queue(const std::string& name) { return *queues_.at(object_number(name)); }
  weft::barrier& barrier(const std::string& name) { return barriers_.at(object_number(name)); }
  const weft::future<std::int64_t>& future(const std::string& name) const { return futures_.at(object_number(name)); }

  /// The lines of the summary.
  std::vector<std::string> summary() const {
    std::vector<std::string> lines;
    const auto add = [&](char letter, const auto& all, auto state) {
      std::size_t number = 0;
      for (const auto& one : all) lines.push_back("obj " + (letter + std::to_string(number++)) + " " + state(one));
    };
    const auto locked = [](const auto& l) {
      return std::string("locked=") + (l.locked() ? "1" : "0") + " waiters=" + std::to_string(l.waiters());
    };
    const auto permits = [](const weft::semaphore& s) {
      return "value=" + std::to_string(s.value()) + " waiters=" + std::to_string(s.waiters());
    };
    add('L', locks_, locked);
    add('S', semaphores_, permits);
    add('E', events_, [](const weft::event& e) { return std::string("set=") + (e.is_set() ? "1" : "0"); });
    add('C', conditions_, locked);
    add('D', bounded_, permits);
    add('Q', queues_, [](const std::unique_ptr<any_queue>& q) { return q->state(); });
    add('B', barriers_, [](const weft::barrier& b) {
      return "waiting=" + std::to_string(b.waiters()) + " broken=" + (b.broken() ? "1" : "0");
    });
    add('F', futures_, [](const weft::future<std::int64_t>& f) {
      if (!f.done()) return std::string("pending");
      if (f.cancelled()) return std::string("cancelled");
      if (const std::exception_ptr e = f.exception()) return "!" + describe(e);
      return "= " + std::to_string(f.result());
    });
    return lines;
  }

 private:
  static std::unique_ptr<any_queue> make_queue(const queue_shape& shape) {
    if (shape.kind == "lifo") return std::make_unique<queue_of<weft::lifo_queue<std::int64_t>>>(shape.capacity);
    if (shape.kind == "prio") return std::make_unique<queue_of<weft::priority_queue<std::int64_t>>>(shape.capacity);
    return std::make_unique<queue_of<weft::queue<std::int64_t>>>(shape.capacity);
  }

  // Deques: what is in them cannot move.
  std::deque<weft::mutex> locks_;
  std::deque<weft::event> events_;
  std::deque<weft::condition_variable> conditions_;
  std::deque<weft::semaphore> semaphores_;
  std::deque<weft::bounded_semaphore> bounded_;
  std::vector<std::unique_ptr<any_queue>> queues_;
  std::deque<weft::barrier> barriers_;
  std::deque<weft::future<std::int64_t>> futures_;
};

}  // namespace conformance
