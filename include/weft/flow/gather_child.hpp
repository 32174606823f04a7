// A child of a gather or a race: a task to start, a running task to wait for, or one to take charge of.
// SPDX-License-Identifier: MIT
//
// A gather of a million tasks keeps a million of these, so there is one pointer in it and a few bits: first the
// coroutine, later the task that was made of it, or, if that has ended at once and its result is as small as a pointer,
// the result. What the child returns is only in the type of gather_child<T>; the rule of gather (gather_core.hpp) does
// not need it.
//
//     std::vector<weft::gather_child<int>> children;
//     children.push_back(read_number());
//     children.push_back(weft::adopt(running));
#pragma once

#include <weft/core/chain_link.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/promise.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace weft {

/// A child, whatever it returns. It owns the coroutine that has not started, or shares the task, or has the result.
class gather_entry {
 public:
  gather_entry(gather_entry&& other) noexcept : is_(other.is_) {
    if (is_.at == stage::coroutine) {
      coroutine_ = other.coroutine_;
    } else {
      task_ = other.task_;  // moved before it is awaited: it has no result yet
    }
    other.is_.at = stage::gone;
  }
  gather_entry& operator=(gather_entry&&) = delete;
  ~gather_entry() {
    if (is_.at <= stage::started) let_go();
  }

  /// Started here, so its result can be moved out. Else it ran before.
  bool own() const noexcept { return is_.own; }

  /// Started or adopted, and nobody else's: cancelled on the first failure.
  bool in_charge() const noexcept { return is_.in_charge; }

  /// It stands among the arguments before: that one counts.
  bool repeated() const noexcept { return is_.repeated; }
  void repeat() noexcept { is_.repeated = true; }

  /// For a race: it is cancelled when it loses, and an operation is waited for directly.
  void compete() noexcept {
    is_.in_charge = true;
    is_.like_future = is_.operation;
  }

  /// Nothing but a task to start, which is not empty.
  bool can_be_launched() const noexcept { return unmade() && coroutine_ != nullptr && !is_.operation; }

  /// The task; null before it is made, and when only its result is left.
  task_state* state_or_null() const noexcept {
    return is_.at == stage::prepared || is_.at == stage::started ? task_ : nullptr;
  }
  /// The same, where it is there.
  task_state& state() const noexcept { return *task_; }

  /// The coroutine of a child whose task is not made.
  chain_link& coroutine() const noexcept { return *coroutine_; }

  bool unmade() const noexcept { return is_.at == stage::coroutine; }
  bool done() const noexcept { return !unmade() && (state_or_null() == nullptr || task_->done()); }

  /// Makes the task, if it is one to start; does not start it yet. T is what the child returns. Throws
  /// invalid_state_error if the task or the handle is empty.
  template <class T>
  void prepare(event_loop& loop);

  /// The coroutine of a child that can be launched, and the task that was made of it, which becomes the child's.
  template <class T>
  promise<T>& root() const noexcept {
    return static_cast<promise<T>&>(*coroutine_);
  }
  void become(task_state& made, task_observer& observer) noexcept;

  /// Runs the first step of that task. If it ends at once and nobody has to be told, only its result is kept, and the
  /// task is returned for the next child, which finds it in the cache; else null.
  template <class T>
  typed_task_state<T>* run_first_step();

  /// The coroutine of a child that is unmade is destroyed. One that is made belongs to the loop.
  void give_up() noexcept;

  /// Starts the task that prepare() made, or ends it unstarted. One that takes a pass to end, at least, is watched by
  /// `observer` at once: among a million each touch is a cache miss.
  void start(task_observer& observer) noexcept {
    is_.watched = !is_.like_future && task_->set_observer(observer);
    is_.at = stage::started;
    task_->start();
  }
  void drop_unstarted() noexcept {
    is_.at = stage::started;
    task_->drop_unstarted();
  }

  /// The result, asked for once: moved if nobody else can ask for it.
  template <class T>
  outcome<T> take_result();

  /// Whether start() has set the observer.
  bool watched() const noexcept { return is_.watched; }

 protected:
  enum class stage : unsigned char {
    coroutine,
    prepared,
    started,
    returned,
    cancelled,
    gone
  };  // the last three are empty

  // A coroutine to start (null: none is there), or a task that runs (null: none).
  gather_entry(chain_link* to_start, operation_traits traits) noexcept
      : coroutine_(to_start),
        is_{.at = stage::coroutine,
            .own = true,
            .in_charge = !traits.shared,
            .operation = traits.is_operation,
            .ends_by_destruction = traits.ends_by_destruction,
            .like_future = traits.like_future} {}
  gather_entry(task_state* running, bool charge) noexcept
      : task_(running),
        is_{.at = running != nullptr ? stage::started : stage::gone, .own = false, .in_charge = charge} {
    if (running != nullptr) running->retain();
  }

 private:
  // A result that can be kept in the place of a pointer, and forgotten.
  template <class T>
  static constexpr bool fits = sizeof(T) <= sizeof(void*) && alignof(T) <= alignof(void*) &&
                               std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>;

  template <class T>
  outcome<T> kept_result() const;
  static outcome<void> end_of(const task_state& done);
  void let_go() noexcept;

  union {
    chain_link* coroutine_;
    task_state* task_;
    alignas(void*) std::byte result_[sizeof(void*)];
  };
  struct {  // copied as one
    stage at;
    bool own;
    bool in_charge;
    bool operation = false;
    bool ends_by_destruction = false;
    bool like_future = false;
    bool repeated = false;
    bool watched = false;
  } is_;
};

/// A child that returns T.
template <class T>
class gather_child : public gather_entry {
 public:
  using value_type = T;

  gather_child(startable_task<T> child) noexcept
      : gather_child(child.starts() ? gather_child(child.take_task(), child.traits()) : gather_child(child.running())) {
  }
  gather_child(task<T> to_start) noexcept : gather_child(std::move(to_start), operation_traits()) {}
  gather_child(running_task_of<T> running) noexcept : gather_child(std::move(running), false) {}
  gather_child(running_task_of<T> running, bool take_charge) noexcept
      : gather_entry(running ? &running.state() : nullptr, take_charge) {}

 private:
  gather_child(task<T> to_start, operation_traits traits) noexcept
      : gather_entry(to_start ? &to_start.release() : nullptr, traits) {}
};

/// The gather treats the running task as one that it started itself: cancelled on the first failure, waited for in any
/// case.
template <class T>
gather_child<T> adopt(task_handle<T> running) noexcept {
  return gather_child<T>(std::move(running), true);
}

// ---- details ----

WEFT_OUTLINE inline void gather_entry::let_go() noexcept {
  if (is_.at == stage::coroutine) {
    if (coroutine_ != nullptr) coroutine_->coroutine().destroy();
    return;
  }
  if (is_.at == stage::prepared) task_->drop_unstarted();
  task_->release();
}

template <class T>
void gather_entry::prepare(event_loop& loop) {
  if (is_.at == stage::started) return;
  task<T> to_start;
  if (is_.at == stage::coroutine && coroutine_ != nullptr) {
    to_start = task<T>(static_cast<promise<T>&>(*std::exchange(coroutine_, nullptr)));
  }
  task_state& made = prepare_task(loop, std::move(to_start));
  if (is_.operation) made.stand_for_operation(is_.ends_by_destruction, is_.like_future);
  made.retain();
  task_ = &made;
  is_.at = stage::prepared;
}

inline void gather_entry::become(task_state& made, task_observer& observer) noexcept {
  made.set_observer(observer);
  is_.watched = true;
  task_ = &made;
  is_.at = stage::prepared;
}

template <class T>
typed_task_state<T>* gather_entry::run_first_step() {
  typed_task_state<T>& task = static_cast<typed_task_state<T>&>(*task_);
  is_.at = stage::started;
  task.run();
  if (!task.left_behind()) return nullptr;
  if (task.cancelled()) {
    is_.at = stage::cancelled;
    return &task;
  }
  if constexpr (fits<stored_t<T>>) {
    if (!task.failed()) {
      if constexpr (!std::is_void_v<T>) std::construct_at(reinterpret_cast<stored_t<T>*>(result_), *task.result);
      is_.at = stage::returned;
      return &task;
    }
  }
  return nullptr;
}

WEFT_COLD inline void gather_entry::give_up() noexcept {
  if (is_.at == stage::prepared) {
    is_.at = stage::started;
  } else if (is_.at == stage::coroutine) {
    is_.at = stage::gone;
    coroutine_->coroutine().destroy();
  }
}

template <class T>
outcome<T> gather_entry::kept_result() const {
  outcome<T> result;
  if (is_.at == stage::cancelled) {
    result.cancel();
  } else if constexpr (std::is_void_v<T>) {
    result.emplace();
  } else if constexpr (fits<stored_t<T>>) {
    result.emplace(*std::launder(reinterpret_cast<const stored_t<T>*>(result_)));
  }
  return result;
}

// Of a task that may return anything.
inline outcome<void> gather_entry::end_of(const task_state& done) {
  outcome<void> end;
  if (done.cancelled()) {
    end.cancel();
  } else if (done.failed()) {
    end.fail(done.failure());
  } else {
    end.emplace();
  }
  return end;
}

template <class T>
outcome<T> gather_entry::take_result() {
  if (is_.at == stage::returned || is_.at == stage::cancelled) return kept_result<T>();
  if constexpr (std::is_void_v<T>) {
    if (!is_.own) return end_of(*task_);
  }
  outcome<T>& result = static_cast<typed_task_state<T>*>(task_)->result;
  if constexpr (std::is_copy_constructible_v<stored_t<T>>) {
    if (!is_.own) return result;
  }
  struct let_go_at_end {  // now, while it is in the cache
    gather_entry& child;
    ~let_go_at_end() {
      if (!child.is_.own) return;
      child.is_.at = stage::gone;
      child.task_->release();
    }
  } guard{*this};
  if (result.failed()) {  // who else holds the task, as its coroutine can by current_task(), may ask for it again
    outcome<T> failed;
    failed.fail(result.exception());
    return failed;
  }
  return std::move(result);
}

static_assert(sizeof(gather_child<int>) == 2 * sizeof(void*));

}  // namespace weft
