// A scope for tasks: none of them outlives it, and none of their errors gets lost.
// SPDX-License-Identifier: MIT
//
// asyncio.TaskGroup. The body starts tasks in the group; when the body has ended, the group waits for them. The first
// failure, of a task or of the body, cancels all others, and is thrown with all that failed besides as one
// exception_group. So tasks may refer to what the caller owns.
//
//     co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
//       group.create_task(fetch(a));
//       group.create_task(fetch(b));
//       co_return;
//     });
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/frame_pool.hpp>
#include <weft/detail/intrusive_list.hpp>
#include <weft/flow/exception_group.hpp>
#include <weft/flow/outcome_of.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// asyncio.TaskGroup; made by with_task_group().
class task_group {
 public:
  explicit task_group(task_state& parent) noexcept : parent_(parent) {}
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;
  ~task_group();

  /// Starts a task in the group; else as weft::create_task(). The group's own tasks may do so, too. Throws usage_error
  /// when the group is cancelling its tasks, or has ended: the coroutine stays the caller's then.
  template <class T>
  task_handle<T> create_task(task<T>&& coroutine, std::string name = {},
                             std::source_location where = std::source_location::current());
  template <class F, class... Args>
    requires task_function<std::decay_t<F>, std::decay_t<Args>...>
  auto create_task(F&& fn, Args&&... args);

  /// How many of its tasks have not ended.
  std::size_t size() const noexcept { return running_; }

  /// For with_task_group(): waits until no task is left.
  class end_awaiter final : public waitable {
   public:
    explicit end_awaiter(task_group& group) noexcept : group_(group) {}
    bool await_ready() const noexcept { return group_.running_ == 0; }
    void await_suspend(task_state& waiting) noexcept {
      group_.waiting_ = &waiting;
      waiting.wait_on(*this);
    }
    void await_resume() const noexcept {}
    bool cancel(cancel_walk&) noexcept override {
      task_state* waiting = std::exchange(group_.waiting_, nullptr);
      if (waiting == nullptr) return false;
      waiting->wake_cancelled();
      return true;
    }
    std::string describe() const override { return group_.describe(); }

   private:
    task_group& group_;
  };

 private:
  template <class T, class Body>
  friend task<T> run_in_task_group(Body body);

  // What the group keeps of a task: it goes when the task has ended.
  class member final : public task_observer, public detail::list_node<> {
   public:
    member(task_group& group, task_state& task) noexcept : group_(group), task_(task) {}
    static void* operator new(std::size_t size) { return detail::frame_pool::allocate(size); }
    static void operator delete(void* memory, std::size_t size) noexcept {
      detail::frame_pool::deallocate(memory, size);
    }

    task_state& task() const noexcept { return task_; }
    void task_ended(task_state& ended) noexcept override { group_.member_ended(*this, ended); }

   private:
    task_group& group_;
    task_state& task_;
  };

  void check_open() const;
  void body_ended(bool cancelled, std::exception_ptr failure);
  void parent_cancelled() noexcept;
  void throw_what_is_due(std::exception_ptr body_failure);
  void member_ended(member& m, task_state& task) noexcept;
  void note_failure(const std::exception_ptr& failure);
  void abort() noexcept;
  std::string describe() const;

  task_state& parent_;
  detail::intrusive_list<member> members_;
  std::size_t running_ = 0;
  std::vector<std::exception_ptr> errors_;
  std::exception_ptr interrupt_;   // a keyboard_interrupt is thrown by itself
  task_state* waiting_ = nullptr;  // the parent, when it waits for the end
  bool body_has_ended_ = false;
  bool aborting_ = false;
  bool cancelled_parent_ = false;  // the group has cancelled it to end the body
  bool pass_cancellation_on_ = false;
};

/// Runs body(group), a function that returns a task, in this task, waits for the tasks of the group, and returns what
/// the body returns. On the first failure, of a task or the body, everything else is cancelled, and waited for; then
/// exception_group is thrown with all failures in the order in which they came. A task that is cancelled is no failure.
/// Cancelled: the group's tasks are cancelled and waited for; then cancelled_error is thrown, or the exception_group of
/// those that failed meanwhile. Mirrors `async with asyncio.TaskGroup()`.
template <class Body>
  requires task_function<std::decay_t<Body>, task_group&>
auto with_task_group(Body&& body);

/// No body: says what to write instead.
template <class Given>
  requires(!task_function<std::decay_t<Given>, task_group&>)
refused with_task_group(Given&&) {
  static_assert(!sizeof(std::remove_reference_t<Given>*),
                "weft: the body of a task group is a function that takes a weft::task_group& and returns a task");
  return {};
}

// ---- details ----

inline task_group::~task_group() {
  while (!members_.empty()) {  // the loop goes down around all of us
    member* m = &members_.pop_front();
    task_state& task = m->task();
    task.drop_observer(*m);
    delete m;
    task.release();
  }
}

inline void task_group::check_open() const {
  if (body_has_ended_ && running_ == 0) throw usage_error("weft: the task group has ended; start tasks in its body");
  if (aborting_) throw usage_error("weft: the task group is cancelling its tasks and starts no more");
}

template <class T>
task_handle<T> task_group::create_task(task<T>&& coroutine, std::string name, std::source_location where) {
  check_open();
  typed_task_state<T>& state = prepare_task(parent_.loop(), std::move(coroutine), std::move(name));
  task_handle<T> handle(state);
  state.label().set_created(where);
  member* m = nullptr;
  try {
    // So that noting a failure cannot fail.
    if (const std::size_t most = errors_.size() + running_ + 2; most > errors_.capacity()) errors_.reserve(2 * most);
    m = new member(*this, state);
  } catch (...) {
    state.drop_unstarted();
    throw;
  }
  state.retain();
  state.set_observer(*m);
  members_.push_back(*m);
  ++running_;
  state.start();
  return handle;
}

template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
auto task_group::create_task(F&& fn, Args&&... args) {
  static_assert(safe_argument<F> && (safe_argument<Args> && ...), WEFT_UNSAFE_ARGUMENT_ADVICE);
  check_open();
  return create_task(detail::keep_task(std::forward<F>(fn), std::forward<Args>(args)...));
}

inline void task_group::member_ended(member& m, task_state& task) noexcept {
  m.unlink();
  delete &m;
  --running_;
  if (running_ == 0 && waiting_ != nullptr) std::exchange(waiting_, nullptr)->wake();
  if (task.failed()) {
    task.look();
    note_failure(task.failure());
    if (!aborting_ && !cancelled_parent_) {
      abort();
      cancelled_parent_ = true;
      parent_.cancel();
    }
  }
  task.release();
}

inline void task_group::note_failure(const std::exception_ptr& failure) {
  errors_.push_back(failure);
  if (interrupt_ == nullptr && holds<keyboard_interrupt>(failure)) interrupt_ = failure;
}

inline void task_group::abort() noexcept {
  aborting_ = true;
  members_.for_each([](member& m) {
    if (!m.task().done()) m.task().cancel();
  });
}

inline void task_group::body_ended(bool cancelled, std::exception_ptr failure) {
  body_has_ended_ = true;
  if (failure != nullptr && interrupt_ == nullptr && holds<keyboard_interrupt>(failure)) interrupt_ = failure;
  pass_cancellation_on_ = cancelled;
  if ((cancelled || failure != nullptr) && !aborting_) abort();
}

inline void task_group::parent_cancelled() noexcept {
  if (aborting_) return;
  pass_cancellation_on_ = true;
  abort();
}

inline void task_group::throw_what_is_due(std::exception_ptr body_failure) {
  if (interrupt_ != nullptr) std::rethrow_exception(interrupt_);
  if (cancelled_parent_ && parent_.uncancel() == 0) pass_cancellation_on_ = false;
  if (pass_cancellation_on_ && errors_.empty()) throw cancelled_error();
  if (body_failure != nullptr) errors_.push_back(std::move(body_failure));
  if (errors_.empty()) return;
  if (parent_.cancelling() > 0) {  // from outside: it goes on after the group, and its count stays
    parent_.uncancel();
    parent_.cancel();
  }
  throw exception_group("weft: unhandled errors in a task group", std::move(errors_));
}

inline std::string task_group::describe() const {
  std::string text = "a task group, of which these are left:";
  members_.for_each([&](const member& m) { text += " '" + m.task().label().name() + "'"; });
  return text;
}

template <class T, class Body>
task<T> run_in_task_group(Body body) {
  task_group group(*task_state::current());
  // A body that is no coroutine may throw when it has started tasks already, and so may a result that is moved.
  outcome<T> result;
  try {
    task<T> work = std::invoke(body, group);
    if (!work) throw invalid_state_error("weft: the body of the task group returned an empty task");
    result = co_await outcome_of(std::move(work));
  } catch (const cancelled_error&) {
    result.cancel();
  } catch (...) {
    result.fail(std::current_exception());
  }
  group.body_ended(result.cancelled(), result.exception());
  while (group.size() > 0) {
    try {
      co_await task_group::end_awaiter(group);
    } catch (const cancelled_error&) {
      group.parent_cancelled();
    }
  }
  group.throw_what_is_due(result.exception());
  co_return std::move(result).value();
}

template <class Body>
  requires task_function<std::decay_t<Body>, task_group&>
auto with_task_group(Body&& body) {
  static_assert(safe_argument<Body>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  using function = std::decay_t<Body>;
  using result = typename std::invoke_result_t<function&, task_group&>::value_type;
  return run_in_task_group<result, function>(std::forward<Body>(body));
}

}  // namespace weft
