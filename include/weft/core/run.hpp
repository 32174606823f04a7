// Runs a program: makes a loop, runs the main task, ends all others.
// SPDX-License-Identifier: MIT
//
// asyncio.run(). When the main task is done, the tasks that are left are cancelled, in the order in which they were
// created, and waited for; this again for those created meanwhile, until none is left. Then what else has to be closed
// is closed (shutdown_hooks), and the loop goes. A program that would hang gets deadlock_error instead.
//
//     int main() { weft::run(async_main()); }
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/interrupt.hpp>
#include <weft/core/shutdown_hooks.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/config.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// What run() can be told: {.clock = &a_virtual_clock} makes sleeping cost nothing.
using run_options = loop_options;

/// Runs the task on a loop of its own until it is done and all other tasks have ended; returns its result or rethrows
/// its exception. Throws usage_error inside a running loop, deadlock_error, livelock_error (virtual clocks), and
/// keyboard_interrupt after SIGINT: the first cancels the main task; the second interrupts the loop at once, and what
/// is left is cancelled and waited for as always; one that comes then ends this wait, and what is left is destroyed. If
/// the loop has not come round to two of them, the third has the signal's default effect.
template <class T>
T run(task<T>&& main, run_options options = {});

/// Runs fn(args...), of which both are kept alive; see make_task().
template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
decltype(auto) run(F&& fn, Args&&... args) {
  return run(detail::keep_task(std::forward<F>(fn), std::forward<Args>(args)...));
}
template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
decltype(auto) run(run_options options, F&& fn, Args&&... args) {
  return run(detail::keep_task(std::forward<F>(fn), std::forward<Args>(args)...), options);
}

/// Cancels all tasks and waits for them, until none is left. Throws deadlock_error if some never end.
void cancel_all_tasks(event_loop& loop);

/// The end of run(): cancel_all_tasks(), then what the shutdown_hooks have to do, which is not cancelled; all of it
/// again until nothing is left. Throws as cancel_all_tasks() does.
void shut_down(event_loop& loop);

// ---- details ----

/// Stops the loop when its turn comes.
class stop_turn final : public runnable {
 public:
  explicit stop_turn(event_loop& loop) noexcept : loop_(loop) {}
  ~stop_turn() { unlink(); }
  void run() override { loop_.stop(); }

 private:
  event_loop& loop_;
};

/// Runs the loop until the task is done and one pass more, as asyncio does. Throws usage_error if it was stopped
/// before.
WEFT_OUTLINE inline void run_until_done(event_loop& loop, const task_ref& awaited) {
  loop.check_runnable();
  if (&awaited.state().loop_or_throw() != &loop) {
    throw std::invalid_argument("weft: the task belongs to another loop, which has to run it");
  }
  stop_turn stop(loop);
  awaited.state().add_done_callback(stop);
  loop.run_forever();
  if (!awaited.done()) throw usage_error("weft: the event loop was stopped before the task was done");
}

/// What event_loop::run_until_complete() calls.
template <class T>
kept_t<T> complete(event_loop& loop, const task_handle<T>& handle) {
  run_until_done(loop, handle);
  return handle.result();
}

template <class T>
T complete(event_loop& loop, task_handle<T>&& handle) {
  run_until_done(loop, handle);
  return std::move(handle).result();
}

inline void complete(event_loop& loop, const task_ref& awaited) {
  run_until_done(loop, awaited);
  if (const std::exception_ptr failure = awaited.exception()) std::rethrow_exception(failure);
}

template <class T>
kept_t<T> complete(event_loop& loop, task_handle<T>& handle) {
  return complete(loop, std::as_const(handle));
}

template <class T>
T complete(event_loop& loop, task<T>&& coroutine) {
  loop.check_runnable();
  task_handle<T> made = spawn(loop, std::move(coroutine));
  made.state().leave_unreported();  // if it does not end, this throws
  return complete(loop, std::move(made));
}

template <class F, class... Args>
  requires task_function<std::decay_t<F>, std::decay_t<Args>...>
decltype(auto) complete(event_loop& loop, F&& fn, Args&&... args) {
  loop.check_runnable();
  return complete(loop, detail::keep_task(std::forward<F>(fn), std::forward<Args>(args)...));
}

/// An operation: a future, for one.
template <operation Awaited>
  requires(!std::convertible_to<Awaited, task_ref>)
decltype(auto) complete(event_loop& loop, Awaited&& awaited) {
  return complete(loop, as_startable(std::forward<Awaited>(awaited)).here());
}

template <class Given, class... Args>
  requires(no_task<Given, Args...> && !std::convertible_to<Given, task_ref> && !operation<Given>)
auto complete(event_loop&, Given&&, Args&&...) {
  detail::explain_no_task<Given>();
  return refused();
}

/// Stops the loop two passes after the last of some tasks has ended, as asyncio's run_until_complete(gather(*tasks))
/// does.
class stop_after_all {
 public:
  stop_after_all(event_loop& loop, const std::vector<task_ref>& tasks)
      : loop_(loop), stop_(loop), left_(tasks.size()), watchers_(std::make_unique<watcher[]>(tasks.size())) {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      watchers_[i].all = this;
      tasks[i].state().add_done_callback(watchers_[i]);
    }
  }

  bool all_ended() const noexcept { return left_ == 0; }

 private:
  struct watcher final : runnable {
    ~watcher() { unlink(); }
    void run() override {
      if (--all->left_ == 0) all->loop_.schedule(all->stop_);
    }
    stop_after_all* all = nullptr;
  };

  event_loop& loop_;
  stop_turn stop_;
  std::size_t left_;
  std::unique_ptr<watcher[]> watchers_;
};

WEFT_COLD inline void cancel_all_tasks(event_loop& loop) {
  for (std::uint64_t round = 1;; ++round) {
    std::vector<task_ref> tasks = all_tasks(loop);
    if (tasks.empty()) return;
    if (round > loop.clock().pass_limit()) {
      throw livelock_error("weft: the tasks that are cancelled at the end of run() go on making new ones");
    }
    for (const task_ref& t : tasks) t.cancel();
    stop_after_all stop(loop, tasks);
    while (!stop.all_ended()) loop.run_forever();  // again if a task stops the loop: the others must end all the same
    for (const task_ref& t : tasks) {  // those that fail are reported: who holds their handles may never look
      if (!t.state().failed()) continue;
      t.state().look();
      loop.call_exception_handler(exception_context::compose("unhandled exception during the shutdown of run()",
                                                             t.state().failure(), &t.state().label()));
    }
  }
}

WEFT_COLD inline void shut_down(event_loop& loop) {
  bool again = true;
  for (std::uint64_t round = 1; again; ++round) {
    if (round > loop.clock().pass_limit()) {
      throw livelock_error("weft: what is closed at the end of run() goes on making more that has to be closed");
    }
    cancel_all_tasks(loop);
    again = false;
    const shutdown_hooks* hooks = loop.local_or_null<shutdown_hooks>();
    for (std::size_t i = 0; hooks != nullptr && i < hooks->all().size(); ++i) {
      task<> work = hooks->all()[i](loop);
      if (!work) continue;
      again = true;
      complete(loop, std::move(work));
    }
  }
}

/// The main task's answer to SIGINT.
class interrupt_response final : public runnable {
 public:
  explicit interrupt_response(task_ref main) noexcept : main_(std::move(main)) {}

  void run() override {
    if (++interrupts_ > 1 || main_.done()) throw keyboard_interrupt();
    main_.cancel();
  }

  /// Whether a cancelled main task was cancelled by SIGINT, and by nothing else.
  bool is_the_reason() { return interrupts_ > 0 && main_.uncancel() == 0; }

 private:
  task_ref main_;
  int interrupts_ = 0;
};

template <class Given, class... Args>
  requires no_task<Given, Args...>
auto run(Given&&, Args&&...) {
  detail::explain_no_task<Given>();
  return refused();
}

template <class T>
T run(task<T>&& main, run_options options) {
  if (event_loop::current_or_null() != nullptr) {
    throw usage_error("weft: run() inside a running loop; use co_await, or create_task()");
  }
  if (!main) main.release();  // throws
  event_loop loop(options);
  task_handle<T> handle = spawn(loop, std::move(main));
  interrupt_response response(handle);
  loop.set_interrupt_handler(&response);
  std::exception_ptr failure;
  bool interrupted = false;
  {
    interrupt_guard guard(loop);
    try {
      run_until_done(loop, handle);
    } catch (const keyboard_interrupt&) {
      interrupted = true;
    } catch (...) {
      failure = std::current_exception();
    }
    if (loop.inbox().take_interrupts() > 0) interrupted = true;  // in the last moments, too late for the loop
    if (handle.done() && handle.cancelled() && response.is_the_reason()) interrupted = true;
    handle.state().look();  // run() throws it
    try {
      shut_down(loop);
    } catch (const keyboard_interrupt&) {
      interrupted = true;
    } catch (...) {
      if (failure == nullptr && !interrupted && !(handle.done() && handle.state().failed()))
        failure = std::current_exception();
    }
    if (loop.inbox().take_interrupts() > 0) interrupted = true;
  }
  loop.set_interrupt_handler(nullptr);
  if (interrupted) throw keyboard_interrupt();
  if (failure != nullptr) std::rethrow_exception(failure);
  return std::move(handle).result();
}

}  // namespace weft
