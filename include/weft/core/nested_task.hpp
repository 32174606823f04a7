// Runs a task inside the one that waits, on behalf of an awaiter that does something before and after it.
// SPDX-License-Identifier: MIT
//
// A timeout scope, a clean-up: the body is the caller's own work, so it runs in the caller's task, takes no loop pass
// and needs no coroutine around it. The body ends as an outcome, so that what comes after it needs no handler. Once
// started the body belongs to the task's chain, which is destroyed leaf first; before, it is held here.
//
//     void await_suspend(task_state& waiting) { body_.start(waiting); }
//     T await_resume() { return body_.take_outcome().value(); }
#pragma once

#include <weft/core/outcome.hpp>
#include <weft/core/promise.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_state.hpp>

#include <utility>

namespace weft {

template <class T>
class nested_task {
 public:
  nested_task() noexcept = default;
  explicit nested_task(task<T>&& body) noexcept : body_(std::move(body)) {}

  /// From await_suspend, as the last thing. Throws invalid_state_error if the task is empty.
  void start(task_state& waiting) {
    running_ = &body_.release();
    waiting.enter(*running_);
  }

  /// From await_resume, once: how the body ended. Its coroutine is destroyed.
  outcome<T> take_outcome() noexcept {
    struct destroy_at_end {
      promise<T>* body;
      ~destroy_at_end() { body->coroutine().destroy(); }
    } guard{running_};
    return moved_or_failed(running_->result);
  }

 private:
  task<T> body_;
  promise<T>* running_ = nullptr;
};

}  // namespace weft
