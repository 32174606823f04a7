// The rule by which a gather starts, watches and cancels its children, whatever their results are.
// SPDX-License-Identifier: MIT
//
// A child is a task, even if it stands among the arguments twice. It has ended when its done callback has run, one pass
// after it was done. The gather is in charge of the children that it started or adopted.
//
// 1. The arguments are started in their order, then watched in their order; those done before count as ended at once.
// 2. When a child has failed (or was cancelled) and none did before, the children in charge are cancelled, in order.
// 3. Cancelling the gather cancels each argument, in order, as often as it stands there; then it waits for all of them.
// 4. It is over when all children have ended; after a failure, when all in charge have. The first failure is thrown.
//    A gather that was cancelled throws cancelled_error, whatever its children did.
//
// With failures as results (gather_outcomes), 2. does not apply. In a race, the first end counts as the first failure.
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// One child of a gather: a task to start, a running task to wait for, or, from adopt(), a running task to take charge
/// of.
template <class T>
class gather_child : public startable_task<T> {
 public:
  gather_child(startable_task<T> child) noexcept : startable_task<T>(std::move(child)) {}
  gather_child(task<T> to_start) noexcept : startable_task<T>(std::move(to_start)) {}
  gather_child(task_handle<T> running) noexcept : startable_task<T>(std::move(running)) {}
  gather_child(task_handle<T> running, bool take_charge) noexcept
      : startable_task<T>(std::move(running)), take_charge_(take_charge) {}

  bool takes_charge() const noexcept { return take_charge_; }
  /// For a race: it is cancelled when it loses, and an operation is waited for directly.
  void compete() noexcept {
    take_charge_ = true;
    this->wait_directly();
  }

 private:
  bool take_charge_ = false;
};

/// The gather treats the running task as one that it started itself: cancelled on the first failure, waited for in any
/// case.
template <class T>
gather_child<T> adopt(task_handle<T> running) noexcept {
  return gather_child<T>(std::move(running), true);
}

/// What gather() and gather_outcomes() share, whatever the results: the rule above.
class gather_core : public waitable, private cancel_fan {
 public:
  static constexpr bool is_future = true;

  gather_core(const gather_core&) = delete;
  gather_core& operator=(const gather_core&) = delete;

  bool await_ready() const noexcept { return false; }
  bool cancel(cancel_walk& walk) noexcept override;
  std::string describe() const override;

  /// What ends the waiting early, by cancelling the children in charge: the first failure, nothing, or the first end.
  enum class mode : unsigned char { first_failure, none, first_end };

  std::size_t size() const noexcept { return entries_.size(); }

  /// The result of a child; moved if nobody else can ask for it.
  template <class T>
  outcome<T> result_of(std::size_t child) const;

 protected:
  struct entry {
    task_state* task;  // counted
    bool charge;       // started or adopted: cancelled on the first failure
    bool own;          // started here, so its result can be moved out
    bool repeated;     // stands among the arguments before
  };

  explicit gather_core(mode ends_at) noexcept : mode_(ends_at) {}
  gather_core(gather_core&& unstarted) noexcept : waitable(), cancel_fan(), mode_(unstarted.mode_) {}
  ~gather_core();

  void reserve(std::size_t children) { entries_.reserve(children); }

  /// Adds a child; its state is not started yet.
  template <class T>
  void add(gather_child<T>& child, event_loop& loop);

  /// Starts and watches the children; whether there is anything to wait for.
  bool begin(task_state& waiting);

  /// Throws what the gather throws, if it does.
  void check() const;

  /// In first_end: which child was the first to end.
  std::size_t first_to_end() const noexcept;

 private:
  // Two, so that a child that has ended says which kind it is; a million children share them.
  class watcher final : public task_observer {
   public:
    watcher(gather_core& core, bool charge) noexcept : core_(core), charge_(charge) {}
    void task_ended(task_state& task) noexcept override { core_.child_ended(task, charge_); }

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
    if (decisive_ != nullptr) return false;
    return mode_ == mode::first_end || (mode_ == mode::first_failure && (ended.failed() || ended.cancelled()));
  }
  void mark_repeated();
  void child_ended(task_state& task, bool charge) noexcept;
  void finish_if_over() noexcept;
  task_state* next_to_cancel() noexcept override;
  void leave_out(task_state& task) noexcept override;
  watcher& watcher_of(const entry& e) noexcept { return e.charge ? charges_ : others_; }

  std::vector<entry> entries_;
  std::unique_ptr<child_callback[]> callbacks_;  // one for each handle given, for those that cannot have an observer
  std::size_t given_ = 0;
  watcher charges_{*this, true};
  watcher others_{*this, false};
  task_state* waiting_ = nullptr;
  task_state* decisive_ = nullptr;       // the first failure, or the first end
  std::size_t running_ = 0;              // children that have not ended
  std::size_t running_charges_ = 0;      // the same, of those that the gather is in charge of
  const cancel_walk* inside_ = nullptr;  // the walk that cancels the children now
  std::size_t cursor_ = 0;               // of the walk that cancels
  bool begun_ = false;
  bool any_done_ = false;  // before the gather began to wait
  bool cancelled_ = false;
  bool finished_ = false;
  mode mode_;
};

// ---- details ----

inline gather_core::~gather_core() {
  if (running_ > 0) {  // children that are left running, or the loop goes down around all of us
    for (const entry& e : entries_) {
      e.task->drop_observer(watcher_of(e));
      e.task->look();
    }
    for (std::size_t i = 0; i < given_; ++i) callbacks_[i].unlink();
  }
  for (const entry& e : entries_) {
    if (!begun_ && e.own) e.task->drop_unstarted();
    e.task->release();
  }
}

template <class T>
void gather_core::add(gather_child<T>& child, event_loop& loop) {
  const bool own = child.starts();
  const bool charge = !child.shared() || child.takes_charge();
  const task_handle<T> handle = child.prepare(loop);
  task_state& state = handle.state();
  if (&state == task_state::current()) throw usage_error("weft: a task cannot gather itself");
  if (!state.done() && &state.loop() != &loop) {
    throw usage_error("weft: the task belongs to another loop; reach that loop through its remote()");
  }
  entries_.push_back({&state, charge, own, false});  // has its place: see reserve()
  state.retain();
}

// Only a handle can stand there twice. Sorting the handles finds them without quadratic cost.
inline void gather_core::mark_repeated() {
  std::vector<entry*> given;
  for (entry& e : entries_) {
    if (!e.own) given.push_back(&e);
  }
  if (given.empty()) return;
  callbacks_ = std::make_unique<child_callback[]>(given.size());
  given_ = given.size();
  std::sort(given.begin(), given.end(),
            [](const entry* a, const entry* b) { return a->task != b->task ? a->task < b->task : a < b; });
  for (std::size_t i = 1; i < given.size(); ++i) {
    if (given[i]->task != given[i - 1]->task) continue;
    given[i]->repeated = true;
    given[i]->charge = given[i - 1]->charge;
  }
}

inline bool gather_core::begin(task_state& waiting) {
  mark_repeated();
  begun_ = true;  // nothing below throws
  for (const entry& e : entries_) {
    if (e.own && mode_ == mode::first_end && any_done_) {
      e.task->drop_unstarted();  // the race is over before it
    } else if (e.own) {
      e.task->start();
    }
    any_done_ = any_done_ || e.task->done();
    if (e.repeated) continue;
    ++running_;
    running_charges_ += e.charge ? 1 : 0;
  }
  std::size_t callback = 0;
  for (const entry& e : entries_) {
    if (e.repeated || e.task->done()) continue;
    if (!e.task->set_observer(watcher_of(e))) callbacks_[callback++].watch(watcher_of(e), *e.task);
  }
  finish_if_over();
  if (any_done_) {
    for (const entry& e : entries_) {
      if (!e.repeated && e.task->done()) child_ended(*e.task, e.charge);
    }
  }
  if (finished_) return false;
  waiting_ = &waiting;
  waiting.wait_on(*this);
  return true;
}

inline void gather_core::child_ended(task_state& task, bool charge) noexcept {
  if (mode_ == mode::first_failure) task.look();
  if (finished_) return;
  --running_;
  running_charges_ -= charge ? 1 : 0;
  if (decides(task)) {
    decisive_ = &task;
    task.look();
    if (!cancelled_) {
      for (const entry& e : entries_) {
        if (e.charge && !e.repeated) e.task->cancel();
      }
    }
  }
  finish_if_over();
}

inline void gather_core::finish_if_over() noexcept {
  const std::size_t awaited = decisive_ != nullptr && !cancelled_ ? running_charges_ : running_;
  if (awaited > 0) return;
  finished_ = true;
  if (mode_ == mode::none) {
    for (const entry& e : entries_) e.task->look();
  }
  if (waiting_ != nullptr) waiting_->wake();
}

inline bool gather_core::cancel(cancel_walk& walk) noexcept {
  if (finished_) return false;
  if (inside_ == &walk) {
    walk.closes_circle();
    return true;
  }
  if (inside_ != nullptr) return true;  // another walk is at it: a cancel() from within somebody's cancel()
  const bool any = std::any_of(entries_.begin(), entries_.end(), [](const entry& e) { return !e.task->done(); });
  if (!any) return false;
  cancelled_ = true;
  cursor_ = 0;
  inside_ = &walk;
  walk.then(static_cast<cancel_fan&>(*this));
  return true;
}

inline task_state* gather_core::next_to_cancel() noexcept {
  if (cursor_ < entries_.size()) return entries_[cursor_++].task;
  inside_ = nullptr;
  return nullptr;
}

// Only a handle can lead back to where the walk came from.
inline void gather_core::leave_out(task_state& task) noexcept {
  const auto e = std::find_if(entries_.begin(), entries_.end(), [&](const entry& x) { return x.task == &task; });
  bool watched = task.drop_observer(watcher_of(*e));
  for (std::size_t i = 0; i < given_ && !watched; ++i) watched = callbacks_[i].stop_watching(task);
  if (!watched) return;  // left out before
  task.look();
  --running_;
  running_charges_ -= e->charge ? 1 : 0;
  finish_if_over();
}

inline void gather_core::check() const {
  if (cancelled_) throw cancelled_error();
  if (decisive_ == nullptr) return;
  if (decisive_->cancelled()) throw cancelled_error();
  if (decisive_->failed()) std::rethrow_exception(decisive_->failure());
}

inline std::size_t gather_core::first_to_end() const noexcept {
  const auto first =
      std::find_if(entries_.begin(), entries_.end(), [&](const entry& e) { return e.task == decisive_; });
  return static_cast<std::size_t>(first - entries_.begin());
}

inline std::string gather_core::describe() const {
  std::string text = (mode_ == mode::first_end ? "a race of " : "a gather of ") + std::to_string(entries_.size()) +
                     " tasks, of which these are left:";
  for (const entry& e : entries_) {
    if (!e.repeated && !e.task->done()) text += " '" + e.task->name() + "'";
  }
  return text;
}

template <class T>
outcome<T> gather_core::result_of(std::size_t child) const {
  const entry& e = entries_[child];
  outcome<T>& result = static_cast<typed_task_state<T>*>(e.task)->result;
  if constexpr (std::is_copy_constructible_v<stored_t<T>>) {
    if (!e.own) return result;
  }
  return std::move(result);
}

}  // namespace weft
