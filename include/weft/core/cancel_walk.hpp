// How a cancellation gets from a task to all those that it waits for, without recursion.
// SPDX-License-Identifier: MIT
//
// A task may wait for a task that waits for a task, a million deep, and a gather for a million at once. asyncio
// recurses; the walk goes the same way, depth first, in the same order, with a stack that lives in the gathers. Tasks
// that wait for each other in a circle are noticed when a path is longer than there are tasks, and one of the waits is
// broken.
#pragma once

#include <cstddef>

namespace weft {

class task_state;

/// Several tasks that are cancelled one after the other on behalf of one that waits for all of them.
class cancel_fan {
 public:
  /// The next task to cancel, or null after the last one.
  virtual task_state* next_to_cancel() noexcept = 0;

 protected:
  ~cancel_fan() = default;

 private:
  friend class cancel_walk;
  cancel_fan* below_ = nullptr;
  std::size_t depth_ = 0;
};

/// Cancels a task, whatever that task waits for, and so on: depth first, in the order in which asyncio's recursion
/// would, with a stack that lives in the fans. A waitable names its next task or fan from within cancel().
class cancel_walk {
 public:
  void then(task_state& next) noexcept { next_ = &next; }
  void then(cancel_fan& fan) noexcept { fan_ = &fan; }

  /// Cancels what `from` waits for, and all that follows from that. The request to `from` itself is counted by the
  /// caller. (Task is task_state: a template because that is incomplete here.)
  template <class Task>
  void pass_on(Task& from) noexcept;

 private:
  task_state* next_ = nullptr;
  cancel_fan* fan_ = nullptr;
};

// ---- details ----

template <class Task>
void cancel_walk::pass_on(Task& from) noexcept {
  // No path is longer than there are tasks, unless it goes round in a circle.
  const std::size_t longest = from.loop().tenant_count();
  cancel_fan* top = nullptr;
  std::size_t depth = 0;
  Task* task = &from;
  for (;;) {
    next_ = nullptr;
    fan_ = nullptr;
    if (depth <= longest || !task->break_wait()) task->cancel_wait(*this);
    if (fan_ != nullptr) {
      fan_->below_ = top;
      fan_->depth_ = depth;
      top = fan_;
    }
    task = next_;
    ++depth;
    while (task == nullptr || task->done()) {
      if (top == nullptr) return;
      depth = top->depth_ + 1;
      task = top->next_to_cancel();
      if (task == nullptr) top = top->below_;
    }
    task->count_cancel_request();
  }
}

}  // namespace weft
