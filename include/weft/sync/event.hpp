// A flag that tasks can wait for.
// SPDX-License-Identifier: MIT
//
//     weft::event ready;
//     co_await ready.wait();      // here
//     ready.set();                // there
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace weft {

class event_awaiter;

/// asyncio.Event. It belongs to one loop; it may be destroyed as soon as those who waited have been woken.
class event {
 public:
  event() = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Waits until the flag is set; no pass if it is. A clear() right after the set() does not keep those who waited.
  /// Cancelled: nothing is left behind. Mirrors Event.wait().
  event_awaiter wait() noexcept;

  /// Sets the flag and wakes all who wait, in their order.
  void set() noexcept {
    set_ = true;
    waiters_.wake_all();
  }
  void clear() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

  /// How many tasks wait for it.
  std::size_t waiters() const noexcept { return waiters_.size(); }

 private:
  friend class event_awaiter;

  wait_list waiters_;
  bool set_ = false;
};

// ---- details ----

class [[nodiscard("weft: wait() does nothing until it is awaited: write co_await e.wait()")]] event_awaiter final
    : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit event_awaiter(event& e) noexcept : event_(&e) {}
  event_awaiter(event_awaiter&& unstarted) noexcept : wait_node(std::move(unstarted)), event_(unstarted.event_) {}

  bool await_ready() const noexcept { return event_->set_; }
  void await_suspend(task_state& waiting) { wait_in(event_->waiters_, waiting); }
  void await_resume() noexcept { leave(); }
  void await_cancelled() noexcept { leave(); }
  std::string describe() const override { return "an event"; }

 private:
  event* event_;
};

inline event_awaiter event::wait() noexcept { return event_awaiter(*this); }

static_assert(awaiter<event_awaiter>);

}  // namespace weft
