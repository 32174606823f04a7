// Gives running tasks in the order in which they end.
// SPDX-License-Identifier: MIT
//
// asyncio.as_completed(), as `async for`: an item is a handle whose task is done. It takes running tasks, by their
// handles, and neither cancels nor owns them.
//
//     auto results = weft::as_completed(handles);
//     while (auto next = co_await results.next()) use(next->result());
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/input_range.hpp>
#include <weft/flow/wait.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft {

template <class Handle>
class next_completed_awaiter;

/// What as_completed() returns. It stays where it is, and belongs to the loop on which it was made.
template <class Handle>
class completion_stream final : private timer {
 public:
  completion_stream(std::vector<Handle> tasks, time_limit limit);
  completion_stream(const completion_stream&) = delete;
  completion_stream& operator=(const completion_stream&) = delete;
  ~completion_stream() { loop_.disarm(*this); }

  /// Waits for the next task to end and gives its handle; nothing when all have been given, without a pass. Throws
  /// timeout_error, once for each task that is left, when the time is over. Cancelled: in part; one item fewer will
  /// be given, as in asyncio.
  next_completed_awaiter<Handle> next() noexcept { return next_completed_awaiter<Handle>(*this); }

 private:
  friend class next_completed_awaiter<Handle>;

  class watcher final : public runnable {
   public:
    void watch(completion_stream& by, std::size_t task) noexcept {
      by_ = &by;
      task_ = task;
      if (task_ref(by.tasks_[task]).done()) {  // perhaps on another loop
        by.loop_.schedule(*this);
      } else {
        task_ref(by.tasks_[task]).state().add_done_callback(*this);
      }
    }
    ~watcher() { unlink(); }
    void run() override { by_->task_ended(task_); }

   private:
    completion_stream* by_ = nullptr;
    std::size_t task_ = 0;
  };

  static constexpr std::size_t timed_out = static_cast<std::size_t>(-1);

  void task_ended(std::size_t task) {
    give(task);
    if (--running_ == 0) loop_.disarm(*this);
  }
  void run() override {
    for (std::size_t i = 0; i < tasks_.size(); ++i) watchers_[i].unlink();
    for (; running_ > 0; --running_) give(timed_out);
  }
  void give(std::size_t item) {
    ended_[given_++] = item;
    waiters_.wake_first();
  }
  bool nothing_there() const noexcept { return taken_ == given_; }

  event_loop& loop_;
  std::vector<Handle> tasks_;
  std::unique_ptr<watcher[]> watchers_;
  std::vector<std::size_t> ended_;  // in the order in which they ended; as long as tasks_ from the start
  std::size_t given_ = 0;
  std::size_t taken_ = 0;
  std::size_t running_;
  std::size_t left_;  // how often next() has something to wait for
  wait_list waiters_;
};

/// Gives the tasks of a range of handles as they end, each of them once; those that are done already come first, in
/// argument order. The time limit begins now. Throws usage_error outside of a loop, or for the task of another one.
/// Mirrors asyncio.as_completed().
template <detail::input_range Range>
  requires running_task<detail::range_value_t<Range>>
auto as_completed(Range&& handles, time_limit limit = std::nullopt) {
  using handle = detail::range_value_t<Range>;
  std::vector<handle> tasks;
  for (auto&& h : handles) tasks.push_back(h);
  return completion_stream<handle>(std::move(tasks), limit);
}

/// Nothing that runs: says what to write instead.
template <class Given>
  requires(!range_of_running_tasks<Given>)
class nothing_to_complete {
 public:
  refused next() const noexcept { return {}; }
};
template <class Given>
  requires(!range_of_running_tasks<Given>)
nothing_to_complete<Given> as_completed(Given&&, time_limit = std::nullopt) {
  explain_not_running<Given>();
  return {};
}

// ---- details ----

template <class Handle>
completion_stream<Handle>::completion_stream(std::vector<Handle> tasks, time_limit limit)
    : loop_(event_loop::current()),
      tasks_(distinct(std::move(tasks))),
      watchers_(std::make_unique<watcher[]>(tasks_.size())),
      ended_(tasks_.size()),
      running_(tasks_.size()),
      left_(tasks_.size()) {
  for (const Handle& t : tasks_) {
    if (!t.done() && &t.state().loop() != &loop_) {
      throw usage_error("weft: the task belongs to another loop; reach that loop through its remote()");
    }
  }
  if (!tasks_.empty() && !limit.unlimited()) loop_.arm(*this, deadline_after(loop_.time(), limit.span()));
  for (std::size_t i = 0; i < tasks_.size(); ++i) watchers_[i].watch(*this, i);
}

template <class Handle>
class [[nodiscard(
    "weft: next() does nothing until it is awaited: write co_await results.next()")]] next_completed_awaiter final
    : public recurring_wait<next_completed_awaiter<Handle>> {
 public:
  explicit next_completed_awaiter(completion_stream<Handle>& from) noexcept : from_(&from) {}
  next_completed_awaiter(next_completed_awaiter&& unstarted) noexcept
      : recurring_wait<next_completed_awaiter>(std::move(unstarted)), from_(unstarted.from_) {}
  ~next_completed_awaiter() { this->pass_on(); }

  bool await_ready() noexcept {
    if (from_->left_ == 0) return at_end_ = true;
    --from_->left_;
    return !from_->nothing_there();
  }
  std::optional<Handle> await_resume() {
    if (at_end_) return std::nullopt;
    this->leave();
    const std::size_t item = from_->ended_[from_->taken_++];
    line().recheck_woken();
    if (item == completion_stream<Handle>::timed_out) throw timeout_error();
    return from_->tasks_[item];
  }
  std::string describe() const override { return "the next task to end"; }

  bool nothing_there() const noexcept { return from_->nothing_there(); }
  wait_list& line() const noexcept { return from_->waiters_; }

 private:
  completion_stream<Handle>* from_;
  bool at_end_ = false;
};

static_assert(awaiter<next_completed_awaiter<task_ref>>);

}  // namespace weft
