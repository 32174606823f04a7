// What a weft coroutine can co_await, and how to write such a thing.
// SPDX-License-Identifier: MIT
//
// An awaiter sees the task that waits, never a coroutine handle: it says what the task waits for and later wakes it.
// All the rest - that the wake-up takes a loop pass, that a cancelled wait throws, file and line for reports - is the
// same for all awaiters and is done once, by the promise. The price: weft's awaiters work in weft's coroutines only.
//
//     class turn {                                       // a whole awaiter: lets the other tasks run once
//      public:
//       bool await_ready() const noexcept { return false; }
//       void await_suspend(weft::task_state& waiting) { waiting.take_another_turn(); }
//       void await_resume() const noexcept {}
//     };
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

class task_state;
class cancel_walk;
template <class T>
class task;

/// Something that a task can wait for. await_suspend returns nothing, or false to go on at once without a loop pass.
/// Where a cancelled wait must be undone, an awaiter has `await_cancelled()`: it is called instead of await_resume(),
/// before cancelled_error is thrown.
template <class A>
concept awaiter = requires(std::remove_reference_t<A>& a, task_state& waiting) {
  { a.await_ready() } -> std::convertible_to<bool>;
  a.await_suspend(waiting);
  a.await_resume();
};

/// Something that makes an awaiter: its operator co_await does.
template <class A>
concept makes_awaiter = requires(A&& a) {
  { std::forward<A>(a).operator co_await() } -> awaiter;
};

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;

/// What co_await takes in a weft coroutine: a task, an awaiter, or something that makes one.
template <class A>
concept awaitable = is_task<std::remove_cvref_t<A>> || awaiter<A> || makes_awaiter<A>;

/// An awaiter that is to an asyncio program what a future is, not a coroutine: `static constexpr bool is_future =
/// true`. Combinators then wait for it without a pass of their own.
template <class A>
inline constexpr bool acts_as_future = [] {
  if constexpr (requires { A::is_future; }) {
    return A::is_future;
  } else {
    return false;
  }
}();

/// An awaiter for which its destructor does all that await_cancelled() would: `static constexpr bool
/// ends_by_destruction = true`. Cancelled as the child of a combinator, it ends without an exception being thrown.
template <class A>
inline constexpr bool ends_quietly = [] {
  if constexpr (requires { A::ends_by_destruction; }) {
    return A::ends_by_destruction;
  } else {
    return false;
  }
}();

/// What a wrong use gives once a static_assert has said what to write: it can be awaited and becomes whatever is
/// wanted, so that the compiler has nothing to add.
class refused {
 public:
  class awaiter {
   public:
    bool await_ready() const noexcept { return true; }
    void await_suspend(task_state&) const noexcept {}
    refused await_resume() const noexcept { return {}; }
  };
  awaiter operator co_await() const noexcept { return {}; }
  template <class T>
  operator T() const noexcept;
};

/// What a waiting task is told to wait for, seen from the task: how to cancel the wait, and how to describe it. An
/// awaiter that derives from it registers itself with task_state::wait_on().
class waitable {
 public:
  /// asyncio's Future.cancel(). True: the task will be woken and its co_await throws cancelled_error. False: what it
  /// waits for is over already. Tasks that must be cancelled in turn are named to the walk, which gets to them without
  /// recursion.
  virtual bool cancel(cancel_walk& walk) noexcept = 0;

  /// Names it for a report: "sleep_for", "task 'fetch'".
  virtual std::string describe() const = 0;

  /// After task_state::wait_on_repeatedly(): asked in the task's step, before its coroutine resumes, whether what the
  /// task was woken for has gone meanwhile, so that it waits again without having resumed. `cancelled`: the co_await
  /// would throw cancelled_error; who waits again all the same has to throw it later.
  virtual bool waits_again(bool cancelled) noexcept {
    static_cast<void>(cancelled);
    return false;
  }

 protected:
  waitable() = default;
  waitable(const waitable&) = default;
  waitable& operator=(const waitable&) = default;
  ~waitable() = default;
};

/// Is told, in the pass after a task has ended, that it has; see task_state::set_observer().
class task_observer {
 public:
  virtual void task_ended(task_state& task) noexcept = 0;

  /// Asked when the task has ended, in the pass before: whether it wants to be told at all. Not asked about tasks whose
  /// end takes no pass. Who has nothing to do then saves an entry of the ready queue.
  virtual bool wants_turn(const task_state& task) noexcept {
    static_cast<void>(task);
    return true;
  }

 protected:
  ~task_observer() = default;
};

}  // namespace weft
