// The rule by which a gather starts, watches and cancels its children, whatever their results are.
// SPDX-License-Identifier: MIT
//
// A child is a task, even if it stands among the arguments twice. It has ended when its done callback has run, one pass
// after it was done. The gather is in charge of the children that it started or adopted.
//
// 1. The arguments are started in their order, then watched in their order; those done before count as ended at once.
//    If all of them are tasks to start, they have their turns one after another in the next pass: gather_launch.hpp.
// 2. When a child has failed (or was cancelled) and none did before, the children in charge are cancelled, in order.
// 3. Cancelling the gather cancels each argument, in order, as often as it stands there; then it waits for all of them.
// 4. It is over when all children have ended; after a failure, when all in charge have. The first failure is thrown.
//    A gather that was cancelled throws cancelled_error, whatever its children did.
//
// With failures as results (gather_outcomes), 2. does not apply. In a race, the first end counts as the first failure.
//
//     if (launches(children, waiting)) return true;  // in await_suspend
//     prepare<int>(children, waiting.loop());
//     return start(children, waiting);
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_state.hpp>
#include <weft/flow/gather_child.hpp>
#include <weft/flow/gather_launch.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>

namespace weft {

/// What gather() and gather_outcomes() share, whatever the results: the rule above.
class gather_core : public waitable, private cancel_fan, protected gather_launch {
 public:
  static constexpr bool is_future = true;

  gather_core(const gather_core&) = delete;
  gather_core& operator=(const gather_core&) = delete;

  bool await_ready() const noexcept { return false; }
  inline bool cancel(cancel_walk& walk) noexcept override;
  WEFT_COLD inline std::string describe() const override;

  /// What ends the waiting early, by cancelling the children in charge: the first failure, nothing, or the first end.
  enum class mode : unsigned char { first_failure, none, first_end };

  std::size_t size() const noexcept { return entries_.size(); }

 protected:
  explicit gather_core(mode ends_at) noexcept : mode_(ends_at) {}
  gather_core(gather_core&& unstarted) noexcept : waitable(), cancel_fan(), gather_launch(), mode_(unstarted.mode_) {}
  ~gather_core();

  /// Throws invalid_state_error if it was awaited before.
  void check_fresh() const;

  /// Whether all children, at least one, can be launched: then they will be. They stay where they are until the gather
  /// has gone.
  bool launches(std::span<gather_entry> children, task_state& waiting);

  /// Makes the tasks of children that return T; they are not started yet.
  template <class T>
  static void prepare(std::span<gather_entry> children, event_loop& loop);

  /// Starts and watches the children, of which all are prepared; whether there is anything to wait for. They, too, stay
  /// where they are.
  bool start(std::span<gather_entry> children, task_state& waiting);

  /// Throws what the gather throws, if it does.
  void check() const;

  /// In first_end: which child was the first to end.
  std::size_t first_to_end() const noexcept { return place_of(*decisive_); }

 private:
  // Two, so that a child that has ended says which kind it is; a million children share them.
  class watcher final : public task_observer {
   public:
    watcher(gather_core& core, bool charge) noexcept : core_(core), charge_(charge) {}
    void task_ended(task_state& task) noexcept override { core_.child_ended(task, charge_); }
    bool wants_turn(const task_state& task) noexcept override { return !charge_ || core_.matters(task); }

   private:
    gather_core& core_;
    bool charge_;
  };

  // For a task that is watched by others, too.
  class child_callback final : public runnable {
   public:
    void watch(watcher& by, task_state& task) noexcept {
      by_ = &by;
      task_ = &task;
      task.add_done_callback(*this);
    }
    void run() override { by_->task_ended(*task_); }
    bool stop_watching(const task_state& task) noexcept {
      if (task_ != &task || !linked()) return false;
      unlink();
      return true;
    }

   private:
    watcher* by_ = nullptr;
    task_state* task_ = nullptr;
  };

  bool decides(const task_state& ended) const noexcept {
    if (decisive_ != nullptr || launch_failure_ != nullptr) return false;  // cancelled already
    return mode_ == mode::first_end || (mode_ == mode::first_failure && (ended.failed() || ended.cancelled()));
  }
  static void check_joinable(const task_state& task, const event_loop& loop);
  void mark_repeated();
  static bool asks(const gather_entry& watched) noexcept {
    return watched.in_charge() && !watched.state().stands_for_future();
  }
  bool anyone_left() const noexcept;
  std::size_t place_of(const task_state& task) const noexcept;  // it is one of the children
  inline bool matters(const task_state& task) noexcept;
  void child_ended(task_state& task, bool charge) noexcept;
  void finish_if_over() noexcept;
  void cancel_charges() noexcept;
  void wait_on_behalf_of(task_state& waiting) noexcept;
  WEFT_COLD inline void launch_failed(std::size_t unmade, const std::exception_ptr& failure) noexcept override;
  inline task_state* next_to_cancel() noexcept override;
  WEFT_COLD inline void leave_out(task_state& task) noexcept override;
  watcher& watcher_of(const gather_entry& e) noexcept { return e.in_charge() ? charges_ : others_; }

  std::span<gather_entry> entries_;
  std::unique_ptr<child_callback[]> callbacks_;  // one for each handle given, for those that cannot have an observer
  std::size_t given_ = 0;
  watcher charges_{*this, true};
  watcher others_{*this, false};
  task_state* waiting_ = nullptr;
  task_state* decisive_ = nullptr;       // the first failure, or the first end
  std::exception_ptr launch_failure_;    // there was no memory to begin them all
  std::size_t running_ = 0;              // children that have not ended
  std::size_t running_charges_ = 0;      // the same, of those that the gather is in charge of
  std::size_t not_done_ = 0;             // the same, of those that ask whether they matter
  const cancel_walk* inside_ = nullptr;  // the walk that cancels the children now
  std::size_t cursor_ = 0;               // of the walk that cancels
  bool any_done_ = false;                // before the gather began to wait
  bool cancelled_ = false;
  bool finished_ = false;
  mode mode_;
};

// ---- details ----

inline gather_core::~gather_core() {
  if (running_ == 0) return;  // else children are left running, or the loop goes down around all of us
  for (const gather_entry& e : entries_) {
    task_state* const task = e.state_or_null();
    if (task == nullptr) continue;
    task->drop_observer(watcher_of(e));
    task->look();
  }
  for (std::size_t i = 0; i < given_; ++i) callbacks_[i].unlink();
}

template <class T>
void gather_core::prepare(std::span<gather_entry> children, event_loop& loop) {
  for (gather_entry& child : children) {
    child.prepare<T>(loop);
    check_joinable(child.state(), loop);
  }
}

inline void gather_core::check_fresh() const {
  if (entries_.data() != nullptr)
    throw invalid_state_error("weft: this gather or race was awaited before; make a new one");
}

inline void gather_core::check_joinable(const task_state& task, const event_loop& loop) {
  if (&task == task_state::current()) throw usage_error("weft: a task cannot gather itself");
  if (!task.done() && &task.loop() != &loop) {
    throw usage_error("weft: the task belongs to another loop; reach that loop through its remote()");
  }
}

// Only a handle can stand there twice.
inline void gather_core::mark_repeated() {
  const std::uint32_t mark = cancel_walk::new_mark();
  std::size_t given = 0;
  for (gather_entry& e : entries_) {
    if (e.own()) continue;
    ++given;
    if (!e.state().mark(mark)) e.repeat();
  }
  if (given == 0) return;
  for (gather_entry& e : entries_) {
    if (!e.own()) e.state().mark(0);  // so that four billion gathers later it is not mistaken
  }
  callbacks_ = std::make_unique<child_callback[]>(given);
  given_ = given;
}

inline bool gather_core::launches(std::span<gather_entry> children, task_state& waiting) {
  for (const gather_entry& e : children) {
    if (!e.can_be_launched()) return false;
  }
  if (children.empty()) return false;
  launch(waiting.loop(), children, charges_);
  entries_ = children;
  running_ = running_charges_ = not_done_ = children.size();
  wait_on_behalf_of(waiting);
  return true;
}

inline void gather_core::wait_on_behalf_of(task_state& waiting) noexcept {
  waiting_ = &waiting;
  waiting.wait_on(*this);
}

inline bool gather_core::start(std::span<gather_entry> children, task_state& waiting) {
  entries_ = children;
  mark_repeated();  // nothing below throws
  for (gather_entry& e : entries_) {
    if (e.own() && mode_ == mode::first_end && any_done_) {
      e.drop_unstarted();  // the race is over before it
    } else if (e.own()) {
      e.start(watcher_of(e));
    }
    any_done_ = any_done_ || e.state().done();
    if (e.repeated()) continue;
    ++running_;
    running_charges_ += e.in_charge() ? 1 : 0;
    not_done_ += e.watched() && asks(e) ? 1 : 0;
  }
  std::size_t callback = 0;
  for (const gather_entry& e : entries_) {
    if (e.repeated() || e.watched() || e.state().done()) continue;
    if (e.state().set_observer(watcher_of(e))) {
      not_done_ += asks(e) ? 1 : 0;
    } else {
      callbacks_[callback++].watch(watcher_of(e), e.state());
    }
  }
  finish_if_over();
  if (any_done_) {
    for (const gather_entry& e : entries_) {
      if (!e.repeated() && e.state().done()) child_ended(e.state(), e.in_charge());
    }
  }
  if (finished_) return false;
  wait_on_behalf_of(waiting);
  return true;
}

// A child in charge is done. That it went well is nobody's business as long as another one is not done: the gather
// cannot be over before that one has had its turn, which comes later. So it is counted at once, and only who fails or
// comes last takes a turn.
inline bool gather_core::matters(const task_state& task) noexcept {
  --not_done_;
  const bool fails = mode_ == mode::first_failure && (task.failed() || task.cancelled());
  if (not_done_ == 0 || fails || mode_ == mode::first_end) return true;
  --running_;
  --running_charges_;
  return false;
}

WEFT_OUTLINE inline void gather_core::child_ended(task_state& task, bool charge) noexcept {
  if (mode_ == mode::first_failure) task.look();
  if (finished_) return;
  --running_;
  running_charges_ -= charge ? 1 : 0;
  if (decides(task)) {
    decisive_ = &task;
    task.look();
    if (!cancelled_) cancel_charges();
  }
  finish_if_over();
}

inline void gather_core::cancel_charges() noexcept {
  for (const gather_entry& e : entries_) {
    if (task_state* const task = e.state_or_null(); task != nullptr && e.in_charge() && !e.repeated()) task->cancel();
  }
}

void gather_core::launch_failed(std::size_t unmade, const std::exception_ptr& failure) noexcept {
  launch_failure_ = failure;
  running_ -= unmade;
  running_charges_ -= unmade;
  not_done_ -= unmade;
  cancel_charges();
  finish_if_over();
}

WEFT_OUTLINE inline void gather_core::finish_if_over() noexcept {
  const std::size_t awaited = decisive_ != nullptr && !cancelled_ ? running_charges_ : running_;
  if (awaited > 0) return;
  finished_ = true;
  if (mode_ == mode::none) {
    for (const gather_entry& e : entries_) {
      if (task_state* const task = e.state_or_null()) task->look();
    }
  }
  if (waiting_ != nullptr) waiting_->wake();
}

inline bool gather_core::anyone_left() const noexcept {
  for (const gather_entry& e : entries_) {
    if (!e.done()) return true;
  }
  return false;
}

inline bool gather_core::cancel(cancel_walk& walk) noexcept {
  if (finished_) return false;
  if (inside_ == &walk) {
    walk.closes_circle();
    return true;
  }
  if (inside_ != nullptr) return true;  // another walk is at it: a cancel() from within somebody's cancel()
  if (!anyone_left()) return false;
  if (launching()) cancel_unmade();
  cancelled_ = true;
  cursor_ = 0;
  inside_ = &walk;
  walk.then(static_cast<cancel_fan&>(*this));
  return true;
}

inline task_state* gather_core::next_to_cancel() noexcept {
  while (cursor_ < entries_.size()) {
    if (task_state* const task = entries_[cursor_++].state_or_null()) return task;
  }
  inside_ = nullptr;
  return nullptr;
}

// Only a handle can lead back to where the walk came from.
void gather_core::leave_out(task_state& task) noexcept {
  const gather_entry& e = entries_[place_of(task)];
  bool watched = task.drop_observer(watcher_of(e));
  not_done_ -= watched && asks(e) ? 1 : 0;
  for (std::size_t i = 0; i < given_ && !watched; ++i) watched = callbacks_[i].stop_watching(task);
  if (!watched) return;  // left out before
  task.look();
  --running_;
  running_charges_ -= e.in_charge() ? 1 : 0;
  finish_if_over();
}

inline void gather_core::check() const {
  if (cancelled_) throw cancelled_error();
  if (launch_failure_ != nullptr) std::rethrow_exception(launch_failure_);
  if (decisive_ == nullptr) return;
  if (decisive_->cancelled()) throw cancelled_error();
  if (decisive_->failed()) std::rethrow_exception(decisive_->failure());
}

inline std::size_t gather_core::place_of(const task_state& task) const noexcept {
  std::size_t place = 0;
  while (entries_[place].state_or_null() != &task) ++place;
  return place;
}

std::string gather_core::describe() const {
  std::string text = (mode_ == mode::first_end ? "a race of " : "a gather of ") + std::to_string(entries_.size()) +
                     " tasks, of which these are left:";
  for (const gather_entry& e : entries_) {
    if (e.state_or_null() != nullptr && !e.repeated() && !e.done()) text += " '" + e.state().label().name() + "'";
  }
  return text;
}

}  // namespace weft
