// Begins the children of a gather: one entry of the ready queue for all of them.
// SPDX-License-Identifier: MIT
//
// asyncio makes a task of each child when gather() is called, and each has its own entry in the ready queue. Those
// entries follow upon one another, so one for all of them does the same in the same order, and the task of each child
// can be made when its turn comes. A child that ends in its first step then leaves its task's memory, still in the
// cache, to the next one: a million children that return at once need one task, not a million. Nobody can tell: the
// numbers of the tasks are taken in advance, and the tasks are made all at once if somebody asks the loop for them.
//
// Only what the gather itself starts is launched like this. If there is a handle or an operation among its arguments,
// all tasks are made before any starts.
//
//     launch(loop, children, observer);                      // when the gather is awaited
//     void begin_children() final { begin<int>(children); }  // what the loop calls in the next pass
#pragma once

#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/task_label.hpp>
#include <weft/core/task_state.hpp>
#include <weft/flow/gather_child.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>

namespace weft {

/// On the loop, in place of the children's tasks, from when the gather is awaited until all have begun.
class gather_launch : public tenant {
 public:
  gather_launch() noexcept = default;
  gather_launch(const gather_launch&) = delete;
  gather_launch& operator=(const gather_launch&) = delete;

 protected:
  ~gather_launch() { withdraw(); }

  /// All children begin in the next pass, in their order; `observer` is told of their ends. Each can_be_launched().
  void launch(event_loop& loop, std::span<gather_entry> children, task_observer& observer);
  bool launching() const noexcept { return loop_ != nullptr; }

  /// A request to cancel each child of which the task is not made yet.
  void cancel_unmade() noexcept { ++cancel_requests_; }

  /// For begin_children() and make_tasks(), called for each row of children that return T. std::bad_alloc.
  template <class T>
  void begin(std::span<gather_entry> children);
  template <class T>
  void make(std::span<gather_entry> children);

 private:
  virtual void begin_children() = 0;

  /// There was no memory for the tasks of the last `unmade` children, which are given up.
  virtual void launch_failed(std::size_t unmade, const std::exception_ptr& failure) noexcept = 0;

  template <class T>
  void make_one(gather_entry& child, typed_task_state<T>* left_behind);
  inline void run() final;
  WEFT_COLD inline void abandon() noexcept final;
  std::string report() const final { return {}; }
  void withdraw() noexcept;
  std::size_t count_unmade() const noexcept;  // they are the last ones

  event_loop* loop_ = nullptr;
  std::span<gather_entry> children_;
  task_observer* observer_ = nullptr;
  std::uint64_t next_number_ = 0;
  std::uint32_t cancel_requests_ = 0;
};

// ---- details ----

inline void gather_launch::launch(event_loop& loop, std::span<gather_entry> children, task_observer& observer) {
  loop.check_usable();
  loop_ = &loop;
  children_ = children;
  observer_ = &observer;
  next_number_ = loop.take_task_numbers(children.size());
  loop.admit(*this);
  loop.schedule(*this);
}

template <class T>
void gather_launch::begin(std::span<gather_entry> children) {
  typed_task_state<T>* left_behind = nullptr;  // by the child before
  for (gather_entry& child : children) {
    if (child.unmade()) {
      make_one(child, left_behind);  // throws only if there is none
    } else if (left_behind != nullptr) {
      left_behind->release();
    }
    left_behind = child.run_first_step<T>();
  }
  if (left_behind != nullptr) left_behind->release();
}

template <class T>
void gather_launch::make(std::span<gather_entry> children) {
  for (gather_entry& child : children) {
    if (child.unmade()) make_one<T>(child, nullptr);
  }
}

template <class T>
void gather_launch::make_one(gather_entry& child, typed_task_state<T>* task) {
  if (task != nullptr) {
    task->restart(child.root<T>(), next_number_);
  } else {
    task = new typed_task_state<T>(*loop_, child.root<T>(), next_number_, *this);
    task->retain();
  }
  ++next_number_;
  child.become(*task, *observer_);
  for (std::uint32_t i = 0; i < cancel_requests_; ++i) task->cancel();
}

void gather_launch::run() {
  try {
    begin_children();
  } catch (...) {
    const std::size_t unmade = count_unmade();
    for (gather_entry& child : children_.last(unmade)) child.give_up();
    launch_failed(unmade, std::current_exception());
  }
  withdraw();
}

void gather_launch::abandon() noexcept {
  std::uint64_t number = next_number_ + count_unmade();
  for (std::size_t i = children_.size(); i-- > 0;) {  // newest first
    gather_entry& child = children_[i];
    if (child.unmade()) {
      const task_label label(--number, child.coroutine().where());
      loop_->call_exception_handler(
          exception_context::compose("Task was destroyed but it is pending", nullptr, &label));
    }
    child.give_up();
  }
  withdraw();
}

WEFT_COLD inline std::size_t gather_launch::count_unmade() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(children_.begin(), children_.end(), [](const gather_entry& e) { return e.unmade(); }));
}

inline void gather_launch::withdraw() noexcept {
  if (loop_ == nullptr) return;
  unlink();
  loop_->leave(*this);
  loop_ = nullptr;
}

}  // namespace weft
