// Waits until some of several tasks have ended.
// SPDX-License-Identifier: MIT
//
// asyncio.wait(): unlike gather() it neither cancels nor throws, whatever the tasks do and whether or not the time is
// over; it only says which are done. It takes running tasks, by their handles.
//
//     auto [done, pending] = co_await weft::wait(handles, weft::first_completed, 10ms);
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/input_range.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace weft {

/// When wait() returns: as soon as one task has ended, as soon as one has failed (or all have ended), or when all have.
enum class return_when : unsigned char { first_completed, first_exception, all_completed };
using enum return_when;

/// The tasks that have ended and those that have not, each in argument order.
template <class Handle>
class wait_result {
 public:
  wait_result() noexcept {}

  std::vector<Handle> done;
  std::vector<Handle> pending;
};

/// A handle of a task.
template <class H>
concept running_task = std::convertible_to<H, task_ref>;

/// The tasks in their order, each of them once.
template <running_task Handle>
std::vector<Handle> distinct(std::vector<Handle> tasks);

/// What wait() returns, whatever the handles.
class wait_core : public waitable, private timer {
 public:
  wait_core(const wait_core&) = delete;
  wait_core& operator=(const wait_core&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_cancelled() noexcept { stop(); }
  inline bool cancel(cancel_walk&) noexcept override;
  std::string describe() const override { return "some of " + std::to_string(count_) + " tasks"; }

 protected:
  wait_core(return_when when, time_limit limit) noexcept : when_(when), limit_(limit) {}
  wait_core(wait_core&& unstarted) noexcept : waitable(), timer(), when_(unstarted.when_), limit_(unstarted.limit_) {}
  ~wait_core() { stop(); }

  template <class Handle>
  void watch(const std::vector<Handle>& tasks, task_state& waiting);
  void stop() noexcept;

 private:
  // The done callbacks. Those that are queued when the waiting ends early still run, as asyncio's do, so they may
  // outlive the awaiter: then they own themselves.
  class watch_list;

  void run() override { release(); }
  void release() noexcept;

  watch_list* watchers_ = nullptr;
  std::size_t count_ = 0;
  task_state* waiting_ = nullptr;
  bool released_ = false;
  return_when when_;
  time_limit limit_;
};

template <class Handle>
class [[nodiscard("weft: wait() does nothing until it is awaited: write co_await wait(...)")]] wait_awaiter final
    : public wait_core {
 public:
  wait_awaiter(std::vector<Handle> tasks, return_when when, time_limit limit)
      : wait_core(when, limit), tasks_(std::move(tasks)) {}
  wait_awaiter(wait_awaiter&&) noexcept = default;

  void await_suspend(task_state& waiting) { watch(tasks_, waiting); }
  wait_result<Handle> await_resume() {
    stop();
    wait_result<Handle> result;
    for (Handle& t : tasks_) (t.done() ? result.done : result.pending).push_back(std::move(t));
    return result;
  }

 private:
  std::vector<Handle> tasks_;
};

/// Waits for a range of handles until `when` holds, or `limit` is over; a handle given twice counts once. Takes at
/// least one pass more than the tasks. Their exceptions are left to look at. Throws std::invalid_argument if there are
/// no tasks. Cancelled: has not happened; the tasks run on. Mirrors asyncio.wait().
template <detail::input_range Range>
  requires running_task<detail::range_value_t<Range>>
auto wait(Range&& handles, return_when when = all_completed, time_limit limit = std::nullopt) {
  using handle = detail::range_value_t<Range>;
  std::vector<handle> tasks;
  for (auto&& h : handles) tasks.push_back(h);
  if (tasks.empty()) throw std::invalid_argument("weft: wait() needs at least one task");
  return wait_awaiter<handle>(distinct(std::move(tasks)), when, limit);
}

/// Nothing that runs: says what to write instead.
template <class Given>
constexpr void explain_not_running() {
  static_assert(!sizeof(std::remove_reference_t<Given>*),
                "weft: this takes handles of running tasks: start them with create_task()");
}
template <class Given>
inline constexpr bool range_of_running_tasks = [] {
  if constexpr (detail::input_range<Given>) {
    return running_task<detail::range_value_t<Given>>;
  } else {
    return false;
  }
}();
template <class Given>
  requires(!range_of_running_tasks<Given>)
refused wait(Given&&, return_when = all_completed, time_limit = std::nullopt) {
  explain_not_running<Given>();
  return {};
}

// ---- details ----

template <running_task Handle>
std::vector<Handle> distinct(std::vector<Handle> tasks) {
  std::unordered_set<const task_state*> seen;
  std::erase_if(tasks, [&](const Handle& h) { return !seen.insert(&task_ref(h).state()).second; });
  return tasks;
}

class wait_core::watch_list {
 public:
  watch_list(wait_core& core, std::size_t tasks)
      : core_(&core), when_(core.when_), running_(tasks), entries_(std::make_unique<entry[]>(tasks)), count_(tasks) {}

  void watch(std::size_t index, task_state& task, event_loop& loop) noexcept {
    entries_[index].watch(*this, task, loop);
  }

  /// The awaiter goes: callbacks that are not queued yet are taken back.
  void let_go() noexcept {
    core_ = nullptr;
    for (std::size_t i = 0; i < count_; ++i) queued_ += entries_[i].stays_queued() ? 1 : 0;
    if (queued_ == 0) delete this;
  }

 private:
  class entry final : public runnable {
   public:
    ~entry() { drop_task(); }
    void watch(watch_list& by, task_state& task, event_loop& loop) noexcept {
      by_ = &by;
      task_ = &task;
      task.retain();
      if (task.done()) {  // perhaps on another loop
        loop.schedule(*this);
      } else {
        task.add_done_callback(*this);
      }
    }
    bool stays_queued() noexcept {
      if (task_ != nullptr && linked() && task_->done()) return true;
      unlink();
      return false;
    }
    void run() override { by_->task_ended(*task_); }
    void discard() noexcept override { by_->one_less_queued(); }

   private:
    void drop_task() noexcept {
      if (task_ != nullptr) task_->release();
    }

    watch_list* by_ = nullptr;
    task_state* task_ = nullptr;
  };

  void task_ended(task_state& task) noexcept {
    --running_;
    bool enough = running_ == 0 || when_ == first_completed;
    if (!enough && when_ == first_exception && task.failed()) {
      task.look();
      enough = true;
    }
    if (core_ == nullptr) return one_less_queued();
    if (enough) core_->release();
  }

  void one_less_queued() noexcept {
    if (core_ == nullptr && --queued_ == 0) delete this;
  }

  wait_core* core_;
  return_when when_;
  std::size_t running_;
  std::unique_ptr<entry[]> entries_;
  std::size_t count_;
  std::size_t queued_ = 0;
};

template <class Handle>
void wait_core::watch(const std::vector<Handle>& tasks, task_state& waiting) {
  event_loop& loop = waiting.loop();
  for (const Handle& t : tasks) {
    if (!t.done() && &t.state().loop() != &loop) {
      throw usage_error("weft: the task belongs to another loop; reach that loop through its remote()");
    }
  }
  auto watchers = std::make_unique<watch_list>(*this, tasks.size());
  if (!limit_.unlimited()) loop.arm(*this, deadline_after(loop.time(), limit_.span()));
  waiting_ = &waiting;
  count_ = tasks.size();
  watchers_ = watchers.release();
  for (std::size_t i = 0; i < count_; ++i) watchers_->watch(i, tasks[i].state(), loop);
  waiting.wait_on(*this);
}

inline void wait_core::release() noexcept {
  waiting_->loop().disarm(*this);
  if (released_) return;
  released_ = true;
  waiting_->wake();
}

inline bool wait_core::cancel(cancel_walk&) noexcept {
  if (released_) return false;
  released_ = true;
  waiting_->wake_cancelled();
  return true;
}

inline void wait_core::stop() noexcept {
  if (waiting_ == nullptr) return;
  waiting_->loop().disarm(*this);
  waiting_ = nullptr;
  watchers_->let_go();
}

static_assert(awaiter<wait_awaiter<task_ref>>);

}  // namespace weft
