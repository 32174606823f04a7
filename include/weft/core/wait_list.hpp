// Who waits for a lock, an event, an item: the one wait list beneath everything in sync/.
// SPDX-License-Identifier: MIT
//
// asyncio's primitives each keep a deque of futures. Here the entry of the list lives in the awaiter, in the frame of
// the one that waits, so waiting allocates nothing and a wait that is cancelled or destroyed leaves in O(1). An entry
// is linked from the moment it waits until its task resumes, since a primitive has to know that a task is on its way (a
// lock that is about to be taken is not free). They are woken in their order, so those who were woken stand in front,
// and waking one moves the mark between them and the rest; those who were cancelled step aside. The list holds tasks
// only; a future, whose done callbacks and waiting tasks share one order, has a list of its own.
//
//     class turn_awaiter : public weft::wait_node { ... };     // await_suspend: wait_in(list, waiting);
//     if (weft::wait_node* first = list.wake_first()) ...
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/intrusive_list.hpp>

#include <cstddef>
#include <cstdint>

namespace weft {

class wait_list;

/// The base of an awaiter that waits in a wait_list.
class wait_node : public waitable, public detail::list_node<wait_list> {
 public:
  wait_node(const wait_node&) = delete;
  wait_node& operator=(const wait_node&) = delete;

  /// Between the wake-up and the task's next step.
  bool woken() const noexcept { return state_ == state::woken; }
  bool waiting() const noexcept { return state_ == state::waiting; }

  /// The list has gone, and the primitive with it: it may only be cancelled now, and must not touch the primitive.
  bool forgotten() const noexcept { return forgotten_; }

  /// Leaves the list with cancelled_error for the task, if it still waits.
  bool cancel(cancel_walk&) noexcept override {
    if (!waiting()) return false;
    step_aside();
    task_->wake_cancelled();
    return true;
  }

  /// One that was woken by a primitive that has gone since must not resume: it waits on, and can only be cancelled.
  bool waits_again(bool cancelled) noexcept override {
    if (cancelled || !forgotten_) return false;
    wait_in_nothing();
    return true;
  }

 protected:
  wait_node() = default;
  /// Before it is awaited it may move.
  wait_node(wait_node&&) noexcept : waitable(), detail::list_node<wait_list>() {}
  ~wait_node() { leave(); }

  /// From await_suspend: waits at the end of the list. Throws usage_error if those who wait there belong to another
  /// loop. wait_in_to_take(): what it will be woken for is in the primitive, so that it waits on if that goes before
  /// its task resumes. wait_in_repeatedly(): as in task_state::wait_on_repeatedly().
  void wait_in(wait_list& list, task_state& waiting);
  void wait_in_to_take(wait_list& list, task_state& waiting);
  void wait_in_repeatedly(wait_list& list, task_state& waiting);

  /// From waits_again(): waits at the end of a list again, with the task to wake.
  void wait_in_again(wait_list& list, task_state& waiting) noexcept;

  /// From waits_again(): waits, in no list, until it is cancelled.
  void wait_in_nothing() noexcept { state_ = state::waiting; }

  /// The one that waits or waited last.
  task_state& waiting_task() const noexcept { return *task_; }

  /// Out of the list, whether it waits or has been woken; does nothing if it is in none.
  void leave() noexcept {
    if (idle()) return;
    if (woken()) {
      become_idle();  // the list has moved its mark on already
    } else {
      unlink_from_list();
    }
  }

  /// Out of the line, but told when the list goes.
  void step_aside() noexcept;

  /// Woken with cancelled_error, and still in its place in the list.
  void cancel_in_place() noexcept {
    state_ = state::cancelled;
    task_->wake_cancelled();
  }
  bool cancelled_in_place() const noexcept { return state_ == state::cancelled; }

  /// It was in no list since it was made or left.
  bool idle() const noexcept { return state_ == state::idle; }

 private:
  friend class wait_list;

  inline void unlink_from_list() noexcept;
  void become_idle() noexcept {
    unlink();
    state_ = state::idle;
  }
  [[noreturn]] WEFT_COLD inline static void throw_other_loop();

  enum class state : std::uint16_t { idle, waiting, woken, cancelled, aside };

  task_state* task_;  // once it waits
  wait_list* list_;   // the same, until it is idle; null: forgotten
  state state_ = state::idle;
  bool forgotten_ = false;
  bool takes_ = false;
};

/// The list. One that is destroyed forgets those who wait: they wait until they are cancelled, as at the end of run().
class wait_list {
 public:
  wait_list() = default;
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;
  ~wait_list() {
    forget(line_);
    forget(leaving_);
  }

  /// Whether somebody waits; whether somebody was woken and has not resumed yet.
  bool anyone_waits() const noexcept { return first_ != nullptr; }
  bool anyone_woken() const noexcept { return !line_.empty() && &line_.front() != first_; }

  /// Somebody waits, and nobody was woken who has not resumed yet.
  bool nobody_before_first() const noexcept { return anyone_waits() && &line_.front() == first_; }

  /// How many wait; counts them.
  std::size_t size() const noexcept {
    std::size_t n = 0;
    line_.for_each([&](const wait_node& w) { n += w.waiting() ? 1 : 0; });
    return n;
  }

  /// The one that waits longest, whose place counts even if it was cancelled in place; somebody has to wait.
  wait_node& first() noexcept { return *first_; }

  /// Wakes the one that waits longest; false if nobody does.
  bool wake_first() noexcept {
    if (first_ == nullptr) return false;
    wait_node& woken = *first_;
    first_ = line_.after(woken);
    woken.state_ = wait_node::state::woken;
    woken.task_->wake();
    return true;
  }
  void wake_all() noexcept {
    while (wake_first()) {
    }
  }

  /// Something that somebody may have been woken for was taken: each of those who have not resumed yet is asked, before
  /// it does, whether it waits again.
  void recheck_woken() noexcept {
    if (anyone_woken()) [[unlikely]]
      ask_woken();
  }

 private:
  friend class wait_node;
  using list = detail::intrusive_list<wait_node, wait_list>;

  void add(wait_node& node) noexcept {
    node.state_ = wait_node::state::waiting;
    node.list_ = this;
    line_.push_back(node);
    if (first_ == nullptr) first_ = &node;
  }

  WEFT_OUTLINE void ask_woken() noexcept {
    for (wait_node* node = &line_.front(); node != first_; node = line_.after(*node)) {
      node->task_->wait_on_repeatedly(*node);
    }
  }

  static void forget(list& nodes) noexcept {
    while (!nodes.empty()) {
      wait_node& node = nodes.front();
      node.unlink();
      node.forgotten_ = true;
      node.list_ = nullptr;
      if (node.takes_ && node.woken()) node.task_->wait_on_repeatedly(node);
    }
  }

  list line_;                   // first those who were woken, then those who wait
  wait_node* first_ = nullptr;  // of those who wait; null: nobody
  list leaving_;                // cancelled, until their tasks resume
};

// ---- details ----

inline void wait_node::unlink_from_list() noexcept {
  if (list_ != nullptr && list_->first_ == this) list_->first_ = list_->line_.after(*this);
  become_idle();
}

inline void wait_node::step_aside() noexcept {
  wait_list* const list = list_;
  leave();
  if (list == nullptr) return;
  list->leaving_.push_back(*this);
  list_ = list;
  state_ = state::aside;
}

void wait_node::throw_other_loop() {
  throw usage_error("weft: tasks of another loop wait here already; share between loops through loop.remote()");
}

inline void wait_node::wait_in(wait_list& list, task_state& waiting) {
  if (list.anyone_waits() && &list.first().task_->loop() != &waiting.loop()) throw_other_loop();
  task_ = &waiting;
  list.add(*this);
  waiting.wait_on(*this);
}

inline void wait_node::wait_in_to_take(wait_list& list, task_state& waiting) {
  takes_ = true;
  wait_in(list, waiting);
}

inline void wait_node::wait_in_repeatedly(wait_list& list, task_state& waiting) {
  wait_in(list, waiting);
  waiting.wait_on_repeatedly(*this);
}

inline void wait_node::wait_in_again(wait_list& list, task_state& waiting) noexcept {
  leave();
  task_ = &waiting;
  list.add(*this);
}

/// The base of an awaiter that waits until something is there, of which another one may rob it on its way: then it
/// waits again. Whoever takes something has to call wait_list::recheck_woken(). Awaiter says which list it waits in and
/// whether to wait: `line()`, `nothing_there()`. Its destructor has to call pass_on().
template <class Awaiter>
class recurring_wait : public wait_node {
 public:
  bool await_ready() const noexcept { return !self().nothing_there(); }
  void await_suspend(task_state& waiting) { wait_in_to_take(self().line(), waiting); }
  void await_cancelled() noexcept { pass_on(); }

  bool waits_again(bool cancelled) noexcept final {
    if (cancelled || forgotten()) return wait_node::waits_again(cancelled);
    if (!self().nothing_there()) return false;
    wait_in_again(self().line(), waiting_task());
    return true;
  }

 protected:
  /// It was woken and will not take what is there: the next in line may.
  void pass_on() noexcept {
    if (!idle()) [[unlikely]]
      leave_to_others();
  }

 private:
  WEFT_OUTLINE void leave_to_others() noexcept {
    const bool was_woken = woken() && !forgotten();
    leave();
    if (was_woken && !self().nothing_there()) self().line().wake_first();
  }

  const Awaiter& self() const noexcept { return static_cast<const Awaiter&>(*this); }
};

}  // namespace weft
