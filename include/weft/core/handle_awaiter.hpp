// How a task waits for another one: what `co_await handle` makes (asyncio's `await task`).
// SPDX-License-Identifier: MIT
//
// The place among the other task's done callbacks is the waiting task itself, which is in no queue while it waits: so
// waiting allocates nothing, and tasks that wait and callbacks of users keep one order. The awaiter holds the other
// task, since its handle may be dropped or assigned to meanwhile.
//
// A cancelled wait cancels the other task, and ends when that has ended. A task that waits for itself, or for one of
// another loop, is told so in the next pass, as in asyncio.
//
//     int answer = co_await handle;
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/typed_task_state.hpp>

#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

/// Waits until `target` has ended, whatever it returns.
class handle_awaiter_base : public waitable {
 public:
  explicit handle_awaiter_base(task_state& target) noexcept : target_(target) { target_.retain(); }
  handle_awaiter_base(const handle_awaiter_base&) = delete;
  handle_awaiter_base& operator=(const handle_awaiter_base&) = delete;

  bool await_ready() const noexcept { return target_.done(); }

  void await_suspend(task_state& waiting) {
    if (&target_ == &waiting) {
      refusal_ = "weft: a task cannot await itself";
    } else if (&target_.loop() != &waiting.loop()) {
      refusal_ = "weft: the task belongs to another loop; reach that loop through its remote()";
    } else {
      waiting.wait_on(*this);
      target_.add_done_callback(waiting);
      return;
    }
    waiting.take_another_turn();  // asyncio throws in the next pass, too
  }

  void await_cancelled() noexcept { look_if_done(); }

  bool cancel(cancel_walk& walk) noexcept override {
    if (target_.done()) return false;
    walk.then(target_);
    return true;
  }
  std::string describe() const override { return "task '" + target_.label().name() + "'"; }

 protected:
  ~handle_awaiter_base() { target_.release(); }

  void look_if_done() noexcept {
    if (target_.done()) target_.look();
  }

  /// Before the result is taken.
  void check_and_look() {
    if (refusal_ != nullptr) throw usage_error(refusal_);
    target_.look();
  }

  task_state& target_;

 private:
  const char* refusal_ = nullptr;
};

/// T is what the task returns, Result what co_await gives: T itself, or a reference to what the task keeps.
template <class T, class Result>
class handle_awaiter final : public handle_awaiter_base {
 public:
  explicit handle_awaiter(typed_task_state<T>& target) noexcept : handle_awaiter_base(target) {}

  Result await_resume() {
    check_and_look();
    auto& result = static_cast<typed_task_state<T>&>(target_).result;
    if constexpr (std::is_same_v<Result, T>) {
      return std::move(result).value();
    } else {
      return std::as_const(result).value();
    }
  }
};

/// For a task_ref: the result, whatever its type, is left where it is.
class ref_awaiter final : public handle_awaiter_base {
 public:
  explicit ref_awaiter(task_state& target) noexcept : handle_awaiter_base(target) {}

  void await_resume() {
    check_and_look();
    if (target_.cancelled()) throw cancelled_error();
    if (target_.failed()) std::rethrow_exception(target_.failure());
  }
};

}  // namespace weft
