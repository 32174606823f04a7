// Protects a task from the cancellation of the one that waits for it.
// SPDX-License-Identifier: MIT
//
// asyncio.shield(): the task runs on, only the waiting ends. Unlike the other awaitables it may so outlive the frame in
// which it was started: give it what it needs as arguments, not by reference.
//
//     co_await weft::shield(save(document));
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>

#include <string>
#include <utility>

namespace weft {

/// What shield() returns, whatever the result.
class shield_core : public waitable, private runnable {
 public:
  static constexpr bool is_future = true;

  shield_core(const shield_core&) = delete;
  shield_core& operator=(const shield_core&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_cancelled() noexcept {
    unlink();
    if (inner_.done()) inner_.state().look();
  }

  bool cancel(cancel_walk&) noexcept override {
    if (over_) return false;
    over_ = true;
    waiting_->wake_cancelled();
    return true;
  }
  std::string describe() const override { return "a shielded task '" + inner_.name() + "'"; }

 protected:
  shield_core() = default;
  shield_core(shield_core&&) noexcept : waitable(), runnable() {}
  ~shield_core() { unlink(); }

  bool wait_for(task_ref inner, task_state& waiting) {
    inner_ = std::move(inner);
    if (inner_.done()) return false;
    if (&inner_.state() == &waiting) throw usage_error("weft: a task cannot shield itself");
    if (&inner_.state().loop() != &waiting.loop()) {
      throw usage_error("weft: the task belongs to another loop; reach that loop through its remote()");
    }
    waiting_ = &waiting;
    waiting.wait_on(*this);
    inner_.state().add_done_callback(*this);
    return true;
  }

 private:
  // The inner task has ended, one pass ago.
  void run() override {
    inner_.state().look();
    if (over_) return;
    over_ = true;
    waiting_->wake();
  }

  task_ref inner_;
  task_state* waiting_ = nullptr;
  bool over_ = false;  // woken
};

template <class T>
class [[nodiscard("weft: a shield does nothing until it is awaited: write co_await shield(...)")]] shield_awaiter final
    : public shield_core {
 public:
  explicit shield_awaiter(startable_task<T> inner) : inner_(std::move(inner)) {}
  shield_awaiter(shield_awaiter&& unstarted) noexcept
      : shield_core(std::move(unstarted)), inner_(std::move(unstarted.inner_)) {}

  bool await_suspend(task_state& waiting) {
    if (running_) throw invalid_state_error("weft: this shield was awaited before; make a new one");
    running_ = inner_.start(waiting.loop());
    return wait_for(running_, waiting);
  }
  T await_resume() { return shared_result(running_); }

 private:
  startable_task<T> inner_;
  running_task_of<T> running_;
};

/// Starts a task (or takes a running one, by its handle) when it is awaited, waits for it and returns its result. Two
/// passes after the task's end; none if it is done. Cancelled: the task runs on, and an exception of it that nobody
/// looks at is reported. If the task itself is cancelled, cancelled_error is thrown. Mirrors asyncio.shield().
template <startable Awaited>
auto shield(Awaited&& inner) {
  auto child = as_startable(std::forward<Awaited>(inner));
  return shield_awaiter<typename decltype(child)::value_type>(std::move(child));
}

/// Not a shield: says what to write instead.
template <class Given>
  requires(!startable<Given>)
refused shield(Given&&) {
  explain_not_startable<Given>();
  return {};
}

// ---- details ----

static_assert(awaiter<shield_awaiter<int>>);

}  // namespace weft
