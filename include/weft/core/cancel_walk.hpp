// How a cancellation gets from a task to all those that it waits for, without recursion.
// SPDX-License-Identifier: MIT
//
// A task may wait for a task that waits for a task, a million deep, and a gather for a million at once. asyncio
// recurses; the walk goes the same way, depth first, in the same order, with a stack that lives in the gathers. Where
// it comes back to a task or a gather that it is inside of, tasks wait for each other in a circle, and the wait that
// closes the circle is broken. A path between two gathers is straight, so a number in each task tells whether it was
// on this path already; a gather knows whether the walk is inside of it.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft {

class task_state;

/// Several tasks that are cancelled one after the other on behalf of one that waits for all of them.
class cancel_fan {
 public:
  /// The next task to cancel, or null after the last one.
  virtual task_state* next_to_cancel() noexcept = 0;

  /// Waiting for this one would never end: do without it.
  virtual void leave_out(task_state& task) noexcept = 0;

 protected:
  ~cancel_fan() = default;

 private:
  friend class cancel_walk;
  cancel_fan* below_ = nullptr;
};

/// Cancels a task, whatever that task waits for, and so on: depth first, in the order in which asyncio's recursion
/// would, with a stack that lives in the fans. A waitable names its next task or fan from within cancel().
class cancel_walk {
 public:
  void then(task_state& next) noexcept { next_ = &next; }
  void then(cancel_fan& fan) noexcept { fan_ = &fan; }

  /// From the cancel() of a waitable that the walk is inside of.
  void closes_circle() noexcept { circle_ = true; }

  /// For task_state::mark(): nobody else has it, in no thread, since a loop may run in one after another. Not 0.
  static std::uint32_t new_mark() noexcept {
    const std::uint32_t mark = marks_.fetch_add(1, std::memory_order_relaxed);
    return mark != 0 ? mark : new_mark();
  }

  /// Cancels what `from` waits for, and all that follows from that. The request to `from` itself is counted by the
  /// caller. (Task is task_state: a template because that is incomplete here.)
  template <class Task>
  void pass_on(Task& from) noexcept;

 private:
  task_state* next_ = nullptr;
  cancel_fan* fan_ = nullptr;
  bool circle_ = false;

  static inline constinit std::atomic<std::uint32_t> marks_{1};
};

// ---- details ----

template <class Task>
void cancel_walk::pass_on(Task& from) noexcept {
  cancel_fan* top = nullptr;
  std::uint32_t path = new_mark();
  Task* waiter = nullptr;  // who waits for `task`; null: the fan on top
  Task* task = &from;
  for (;;) {
    next_ = nullptr;
    fan_ = nullptr;
    circle_ = !task->mark(path);
    if (!circle_) task->cancel_wait(*this);
    if (circle_) {
      if (waiter != nullptr) {
        waiter->break_wait();
      } else {
        top->leave_out(*task);
      }
    } else if (task != &from) {
      task->count_cancel_request();
    }
    if (fan_ != nullptr) {
      fan_->below_ = top;
      top = fan_;
    }
    waiter = task;
    task = next_;
    while (task == nullptr || task->done()) {
      if (top == nullptr) return;
      path = new_mark();
      waiter = nullptr;
      task = top->next_to_cancel();
      if (task == nullptr) top = top->below_;
    }
  }
}

}  // namespace weft
