// A task as the loop sees it: a chain of suspended coroutines, what it waits for, and how it ended (asyncio.Task).
// SPDX-License-Identifier: MIT
//
// Coroutines that a task awaits directly form a chain, root to leaf. A step resumes the leaf; a coroutine that awaits
// another one, or ends, leaves another leaf, and the step's loop goes on with it. Symmetric transfer would do the
// same in optimised builds only: at -O0 and under sanitizers it is a call, and a loop of a million awaits overflows the
// stack. For the same reason a chain is destroyed leaf first by a loop, and cancelling walks from task to task without
// recursion.
//
// Cancelling is CPython 3.13's: a request is counted; what the task waits for is cancelled if it can be; if not, the
// request stays (must-cancel) until the next step, where it becomes a cancelled_error at the co_await that the task
// waits at.
//
// Awaiters use wait_on(), wake(), wake_cancelled(); handles (task_handle.hpp) use the rest.
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/callback.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/chain_link.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task_label.hpp>
#include <weft/detail/frame_pool.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace weft {

class task_state;

/// A task; handles and awaiters refer to it.
class task_state : public tenant {
 public:
  task_state(const task_state&) = delete;
  task_state& operator=(const task_state&) = delete;

  /// The task whose step runs in this thread; null outside tasks.
  static task_state* current() noexcept { return current_; }

  // ---- for awaiters ----

  /// From await_suspend: what this task waits for until it is woken.
  void wait_on(waitable& what) noexcept { waiting_for_ = &what; }

  /// The same for a wait that may begin again: when the task has been woken, `what` is asked before the coroutine
  /// resumes; see waitable::waits_again().
  void wait_on_repeatedly(waitable& what) noexcept {
    waiting_for_ = &what;
    flags_ |= asks;
  }

  /// Instead of waiting: the task goes on in the next pass.
  void take_another_turn() noexcept { loop_->schedule(*this); }

  /// The wait is over: the task goes on in the next pass. From now on a cancel() can only ask for the next wait.
  void wake() noexcept {
    if ((flags_ & asks) == 0) waiting_for_ = nullptr;
    loop_->schedule(*this);
  }

  /// From waitable::cancel(): the same, and the co_await throws cancelled_error.
  void wake_cancelled() noexcept {
    flags_ |= throw_cancelled;
    wake();
  }

  /// Whether the co_await that resumes now has to throw cancelled_error; resets it.
  bool take_cancelled() noexcept {
    if ((flags_ & throw_cancelled) == 0) [[likely]]
      return false;
    flags_ &= ~throw_cancelled;
    return true;
  }

  /// The loop on which it runs. loop_or_throw(): loop_closed_error once that loop has gone.
  event_loop& loop() const noexcept { return *loop_; }
  event_loop& loop_or_throw() const {
    if (loop_ == nullptr) throw loop_closed_error();
    return *loop_;
  }

  // ---- for promises ----

  /// Runs `child` inside this task, from where it stands: a coroutine that has not started, or one that was suspended
  /// and left its chain. When it has ended, or leaves again, the coroutine that waits now goes on.
  void enter(chain_link& child) noexcept {
    child.set_awaited_by(leaf_);
    go_on_with(child);
  }

  /// The coroutine that the running step resumes next, as the leaf of the chain.
  void go_on_with(chain_link& leaf) noexcept { leaf_ = &leaf; }

  /// The root coroutine has run to its end.
  void body_ended() noexcept { flags_ |= ended; }

  // ---- for handles and for those who wait for several tasks ----

  /// Schedules the first step, or, for an operation in asyncio's place of a future, runs it; called once.
  void start() noexcept {
    if ((flags_ & at_once) != 0) [[unlikely]]
      return run_at_once();
    loop_->schedule(*this);
  }

  /// Instead of start(): the first step runs now, inside of the caller's, as that of asyncio's eager tasks. From then
  /// on it is a task like any other; it may have ended, and gone, afterwards.
  void start_eagerly() noexcept { run_at_once(); }

  /// Whether it has ended, nobody is told any more, and nobody but the caller holds it: it can be made into another
  /// one.
  bool left_behind() const noexcept { return done() && observer_ == nullptr && references_ == 1; }

  /// Before start(). The task only waits for one operation of the library, so it ends as soon as that is cancelled,
  /// without being resumed to throw. `like_future`: asyncio has a future here and no task, so that there is no pass
  /// between the operation and those who wait for this.
  void stand_for_operation(bool ends_by_destruction, bool like_future) noexcept {
    if (ends_by_destruction) flags_ |= only_waits;
    if (like_future) flags_ |= at_once;
  }
  bool stands_for_future() const noexcept { return (flags_ & at_once) != 0; }

  /// Instead of start(): it ends cancelled, and never runs.
  void drop_unstarted() noexcept {
    destroy_chain();
    drop_result();
    set_done(ended_cancelled);
  }

  /// asyncio's Task.cancel(), cancelling(), uncancel().
  bool cancel();
  int cancelling() const noexcept { return static_cast<int>(cancel_requests_); }
  int uncancel() noexcept;

  bool done() const noexcept { return (flags_ & is_done) != 0; }
  bool cancelled() const noexcept { return (flags_ & was_cancelled) != 0; }
  bool failed() const noexcept { return (flags_ & has_failed) != 0; }

  /// The exception of a failed task.
  virtual std::exception_ptr failure() const noexcept = 0;

  /// Somebody has seen the exception, or will as soon as there is one: it is not reported as lost.
  void look() noexcept { flags_ |= looked_at; }
  bool lost() const noexcept { return failed() && (flags_ & looked_at) == 0; }

  /// Runs `r` in the pass after the task has ended; in the next one if it has. `r` must leave before it is destroyed.
  void add_done_callback(runnable& r) noexcept {
    if (done()) {
      loop_->schedule(r);
    } else {
      callbacks_.push_back(r);
    }
  }

  /// As a done callback of `observer` that costs no memory, if there is no other callback yet; else returns false. The
  /// place in the ready queue is the task's own, which it no longer needs.
  bool set_observer(task_observer& observer) noexcept {
    if (done() || observer_ != nullptr || !callbacks_.empty()) return false;
    observer_ = &observer;
    return true;
  }
  bool drop_observer(const task_observer& observer) noexcept {
    if (observer_ != &observer) return false;
    observer_ = nullptr;
    return true;
  }

  /// It may be destroyed with its loop, pending, without the exception handler's being told.
  void leave_unreported() noexcept { flags_ |= unreported; }

  /// Who it is. report() adds, for a task that waits, for what, and each coroutine of its chain with its place.
  task_label& label() noexcept { return label_; }
  const task_label& label() const noexcept { return label_; }
  WEFT_COLD inline std::string report() const override;

  // ---- for the walk that cancels ----

  void count_cancel_request() noexcept { ++cancel_requests_; }

  /// False if it has this mark already, which is one that cancel_walk::new_mark() has given: tells whether a walk was
  /// here before, or a gather was given a task twice.
  bool mark(std::uint32_t m) noexcept { return std::exchange(mark_, m) != m; }

  /// Cancels what the task waits for; if there is nothing to cancel, the request stays until the next step.
  void cancel_wait(cancel_walk& walk) noexcept;

  /// Ends the wait for another task that could not end by itself; whether there was one.
  bool break_wait() noexcept;

  // ---- for those who share it ----

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) dispose();
  }

  inline void run() final;
  WEFT_COLD inline void abandon() noexcept final;

 protected:
  using flag_set = std::uint32_t;

  /// Takes over a coroutine that has not started. It is not scheduled before start(). On the loop its place is before
  /// `newer`, or, if that is null, after all others.
  task_state(event_loop& loop, chain_link& root, std::uint64_t number, tenant* newer) noexcept;
  ~task_state();

  /// It was left_behind(): it becomes a new task, not started, at the same place on the loop, held by loop and caller.
  void restart(chain_link& root, std::uint64_t number) noexcept;

 private:
  enum flag : flag_set {
    must_cancel = 1,      // a request that waits for the next step
    throw_cancelled = 2,  // the co_await that resumes next throws
    ended = 4,            // the root coroutine is at its end
    is_done = 8,
    was_cancelled = 16,
    has_failed = 32,
    looked_at = 64,
    asks = 128,        // what it waits for is asked before it resumes
    only_waits = 256,  // for an operation that needs nothing but its destructor when it is cancelled
    at_once = 512,     // its first step and its done callbacks take no pass
    unreported = 1024,
  };

  // What a task waits for before its first step. So a step need not find out whether it is the first one, unless the
  // task was cancelled before it.
  class first_turn final : public waitable {
   public:
    bool cancel(cancel_walk&) noexcept override { return false; }
    std::string describe() const override { return "its first turn"; }
  };
  static inline constinit first_turn first_turn_;

  /// Moves the result out of the root's promise, or ends without one; says how it ended.
  virtual flag_set take_result(chain_link& root) noexcept = 0;
  /// The result is "cancelled", whatever it was.
  virtual void drop_result() noexcept = 0;
  virtual void destroy() noexcept = 0;

  bool before_step() noexcept;
  bool waits_again() noexcept;
  void run_at_once() noexcept;
  void after_step() noexcept;
  void finish() noexcept;
  void set_done(flag_set how) noexcept;
  void tell_at_once() noexcept;
  void destroy_chain() noexcept;
  void report_lost() noexcept;
  void dispose() noexcept;

  chain_link* leaf_;
  waitable* waiting_for_ = &first_turn_;
  event_loop* loop_;
  task_observer* observer_ = nullptr;
  ready_queue callbacks_;
  task_label label_;
  std::uint32_t references_ = 1;  // the loop's, until the task has ended
  std::uint32_t cancel_requests_ = 0;
  std::uint32_t mark_ = 0;
  flag_set flags_ = 0;

  static inline constinit thread_local task_state* current_ = nullptr;

 protected:
  static constexpr flag_set ended_with_value = is_done;
  static constexpr flag_set ended_cancelled = is_done | was_cancelled;
  static constexpr flag_set ended_failed = is_done | has_failed;
};

// ---- details ----

inline task_state::task_state(event_loop& loop, chain_link& root, std::uint64_t number, tenant* newer) noexcept
    : leaf_(&root), loop_(&loop), label_(number, root.where()) {
  if (newer == nullptr) {
    loop.admit(*this);
  } else {
    loop.admit_before(*newer, *this);
  }
}

inline void task_state::restart(chain_link& root, std::uint64_t number) noexcept {
  leaf_ = &root;
  waiting_for_ = &first_turn_;
  label_ = task_label(number, root.where());
  references_ = 2;
  cancel_requests_ = 0;
  mark_ = 0;
  flags_ = 0;
}

inline task_state::~task_state() {
  if (loop_ != nullptr) loop_->leave(*this);
}

inline void task_state::run() {
  if ((flags_ & (must_cancel | is_done | asks | only_waits)) != 0) [[unlikely]] {
    if (!before_step()) return;
  }
  waiting_for_ = nullptr;
  current_ = this;
  chain_link* resumed = leaf_;
  resumed->coroutine().resume();  // it may be gone afterwards
  while (leaf_ != resumed) {      // it has entered another one, or ended
    resumed = leaf_;
    resumed->coroutine().resume();
  }
  if ((flags_ & (must_cancel | ended)) != 0) [[unlikely]]
    after_step();
  current_ = nullptr;
}

// Everything that a step seldom has to look at; returns whether there is a coroutine to resume. The task may be gone if
// not.
WEFT_OUTLINE inline bool task_state::before_step() noexcept {
  if ((flags_ & (must_cancel | is_done | only_waits)) == 0) return !waits_again();
  if (done()) {  // this was the observer's turn
    if (task_observer* observer = std::exchange(observer_, nullptr)) observer->task_ended(*this);
    release();
    return false;
  }
  if ((flags_ & must_cancel) != 0) {
    if (waiting_for_ == &first_turn_) {  // there is nobody to throw to
      current_ = this;
      drop_unstarted();
      current_ = nullptr;
      return false;
    }
    flags_ = (flags_ & ~must_cancel) | throw_cancelled;
  }
  if ((flags_ & asks) != 0 && waits_again()) return false;
  if ((flags_ & only_waits) != 0 && (flags_ & throw_cancelled) != 0) {
    drop_unstarted();
    return false;
  }
  return true;
}

// Inside the step of the one that starts it.
WEFT_COLD inline void task_state::run_at_once() noexcept {
  task_state* const outer = current_;
  run();
  current_ = outer;
}

inline bool task_state::waits_again() noexcept {
  if (waiting_for_->waits_again((flags_ & throw_cancelled) != 0)) {
    flags_ &= ~throw_cancelled;
    return true;
  }
  flags_ &= ~asks;
  return false;
}

WEFT_OUTLINE inline void task_state::after_step() noexcept {
  if ((flags_ & ended) != 0) return finish();
  // Cancelled while it ran, and it waits again: what it waits for now is cancelled at once.
  if (waiting_for_ == nullptr) return;
  flags_ &= ~must_cancel;
  cancel_walk().pass_on(*this);
}

inline void task_state::finish() noexcept {
  flag_set how = take_result(*leaf_);
  destroy_chain();  // the parameters live until here; what their destructors do is still part of the task
  if (how == ended_with_value && (flags_ & must_cancel) != 0) {
    drop_result();
    how = ended_cancelled;
  }
  set_done(how);
}

inline void task_state::set_done(flag_set how) noexcept {
  flags_ |= how;
  if ((flags_ & at_once) != 0) [[unlikely]]
    return tell_at_once();
  if (observer_ != nullptr && !observer_->wants_turn(*this)) observer_ = nullptr;
  if (observer_ != nullptr) loop_->schedule(*this);
  loop_->schedule(callbacks_);
  if (observer_ == nullptr) release();  // else after the observer's turn
}

WEFT_COLD inline void task_state::tell_at_once() noexcept {
  if (task_observer* observer = std::exchange(observer_, nullptr)) observer->task_ended(*this);
  while (!callbacks_.empty()) callbacks_.pop_front().run();
  release();
}

inline void task_state::destroy_chain() noexcept {
  while (leaf_ != nullptr) {
    chain_link* parent = leaf_->awaited_by();
    leaf_->coroutine().destroy();
    leaf_ = parent;
  }
}

void task_state::abandon() noexcept {
  event_loop& loop = *loop_;
  const bool queued = linked();
  unlink();
  if (done()) {
    loop_ = nullptr;
    if (queued) release();  // the observer's turn will not come
    return;
  }
  if ((flags_ & (at_once | unreported)) == 0) {
    loop.call_exception_handler(exception_context::compose("Task was destroyed but it is pending", nullptr, &label_));
  }
  waiting_for_ = nullptr;
  destroy_chain();
  drop_result();
  flags_ |= ended_cancelled;
  while (!callbacks_.empty()) callbacks_.pop_front().discard();
  loop_ = nullptr;
  release();
}

inline bool task_state::cancel() {
  if (done() || loop_->is_closed()) return false;
  loop_->check_usable();
  count_cancel_request();
  cancel_walk().pass_on(*this);
  return true;
}

inline int task_state::uncancel() noexcept {
  if (cancel_requests_ > 0 && --cancel_requests_ == 0) flags_ &= ~must_cancel;
  return cancelling();
}

inline void task_state::cancel_wait(cancel_walk& walk) noexcept {
  if (waiting_for_ == nullptr || !waiting_for_->cancel(walk)) flags_ |= must_cancel;
}

inline bool task_state::break_wait() noexcept {
  if (waiting_for_ == nullptr || !linked()) return false;
  unlink();
  wake_cancelled();
  return true;
}

std::string task_state::report() const {
  if (done()) return {};
  std::string text = "task " + label_.text();
  if (waiting_for_ != nullptr) {
    text += "\n    waits for " + waiting_for_->describe();
  } else if (!linked()) {
    text +=
        "\n    waits for nothing that it has named: g++ before 15 makes wrong code of some coroutines, see "
        "docs/how-to/coroutines-on-gcc-12.md";
  }
  for (const chain_link* link = leaf_; link != nullptr; link = link->awaited_by()) {
    if (link->stands_for_another()) continue;
    text += "\n    at " + to_string(link->where());
  }
  return text;
}

WEFT_COLD inline void task_state::report_lost() noexcept {
  const auto context = exception_context::compose("Task exception was never retrieved", failure(), &label_);
  if (loop_ != nullptr) {
    loop_->call_exception_handler(context);
  } else {
    exception_handler::report(context);
  }
}

inline void task_state::dispose() noexcept {
  if (lost()) report_lost();
  destroy();
}

}  // namespace weft
