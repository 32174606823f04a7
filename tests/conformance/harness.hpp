// Runs one conformance program from start to summary, as "The harness" in reference/FORMAT.md says.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "interpreter.hpp"
#include "program.hpp"
#include "statements/callbacks.hpp"
#include "statements/combinators.hpp"
#include "statements/control.hpp"
#include "statements/futures.hpp"
#include "statements/gather.hpp"
#include "statements/groups.hpp"
#include "statements/locks.hpp"
#include "statements/queues.hpp"
#include "statements/tasks.hpp"
#include "statements/time_limits.hpp"
#include "trace.hpp"
#include "vocabulary.hpp"

namespace conformance {

/// All statements that this interpreter knows. A new family adds itself here.
inline vocabulary known_statements() {
  vocabulary words;
  add_control_statements(words);
  add_task_statements(words);
  add_callback_statements(words);
  add_gather_statement(words);
  add_combinator_statements(words);
  add_time_limit_statements(words);
  add_group_statements(words);
  add_lock_statements(words);
  add_queue_statements(words);
  add_future_statements(words);
  return words;
}

/// One run of one program, on a loop of its own.
class harness {
 public:
  /// `poller`: the loop's, or null for the platform's.
  explicit harness(const program& p, weft::poller* poller = nullptr)
      : program_(p),
        own_loop_(std::make_unique<weft::event_loop>(weft::loop_options{.clock = &clock_, .poller = poller})),
        loop_(*own_loop_),
        interpreter_(loop_, p.objects, trace_) {}

  /// Throws `endless_program`, or what weft throws where it should not.
  std::string run() {
    loop_.set_exception_handler([this](const weft::exception_context& c) {
      if (!trace_.full()) interpreter_.emit("-", "-", "unhandled " + c.message);
    });
    run_main();
    shut_down();
    if (trace_.full()) throw endless_program();
    summarize();
    return trace_.text();
  }

  // Whatever is left goes silently: tasks that a deadlock left pending, exceptions that nobody looked at.
  ~harness() {
    trace_.close();
    loop_.set_exception_handler([](const weft::exception_context&) {});
    own_loop_.reset();  // before the objects that its tasks use
  }

  weft::event_loop& loop() noexcept { return loop_; }
  interpreter& state() noexcept { return interpreter_; }
  trace& events() noexcept { return trace_; }

 private:
  enum class outcome { stopped, over, deadlock };

  void run_main() {
    main_ = interpreter_.start_task("T0", program_.main);
    auto callback = main_.add_done_callback([this](weft::task_ref) { loop_.stop(); });
    run_phase("main");
    callback.cancel();
    interpreter_.emit("-", "-", main_.done() ? "main done" : "main stuck");
  }

  // A round cancels the tasks that are there and waits for them, not for those that they create; the next round is for
  // those. It ends as run_until_complete(gather(*tasks)) does: the last task's done-callback runs one pass after its
  // end, and what it wakes stops the loop another pass later.
  void shut_down() {
    last_stall_ = never;
    for (auto tasks = unfinished(); !tasks.empty(); tasks = unfinished()) {
      for (auto& task : tasks) task.cancel();
      left_ = tasks.size();
      for (auto& task : tasks) {
        task.add_done_callback([this](weft::task_ref) {
          if (--left_ == 0) loop_.call_soon([this] { loop_.stop(); });
        });
      }
      if (run_phase("shutdown") != outcome::stopped) return;
    }
    run_phase("shutdown");  // timers that are still armed fire
  }

  /// Runs the loop until somebody stops it, or nothing is left to do, or two stalls in a row have no effect.
  outcome run_phase(const std::string& phase) {
    for (;;) {
      try {
        loop_.run_forever();
        return outcome::stopped;
      } catch (const weft::deadlock_error&) {
        const outcome o = after_stall(phase);
        if (o != outcome::stopped) return o;
      }
    }
  }

  /// `stopped`: go on.
  outcome after_stall(const std::string& phase) {
    auto tasks = unfinished();
    if (tasks.empty()) return outcome::over;
    if (trace_.lines() == last_stall_) {
      interpreter_.emit("-", "-", "deadlock " + phase);
      return outcome::deadlock;
    }
    interpreter_.emit("-", "-", "stall " + phase);
    last_stall_ = trace_.lines();
    if (phase == "main") {
      main_.cancel();
    } else {
      for (auto& task : tasks) task.cancel();
    }
    return outcome::stopped;
  }

  std::vector<weft::task_handle<value>> unfinished() const {
    std::vector<weft::task_handle<value>> result;
    for (const named_task& t : interpreter_.tasks()) {
      if (!t.handle.done()) result.push_back(t.handle);
    }
    return result;
  }

  void summarize() {
    for (const named_task& t : interpreter_.tasks()) {
      const std::string count = std::to_string(t.handle.cancelling());
      trace_.summary("task " + t.name + " " + state(t.handle) + " c=" + count);
    }
    for (const std::string& line : interpreter_.objects().summary()) trace_.summary(line);
  }

  static std::string state(const weft::task_handle<value>& task) {
    if (!task.done()) return "pending";
    if (task.cancelled()) return "cancelled";
    const bool looked_at = task.exception_retrieved();  // before exception() looks
    if (const std::exception_ptr e = task.exception()) return "!" + describe(e) + (looked_at ? "" : " unretrieved");
    return "= " + task.result().text();
  }

  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

  // In this order: what is declared later refers to what is declared before.
  const program& program_;
  trace trace_;
  std::size_t last_stall_ = never;  // how many lines there were then
  std::size_t left_ = 0;            // tasks that the round of the shutdown waits for
  weft::virtual_clock clock_;
  std::unique_ptr<weft::event_loop> own_loop_;
  weft::event_loop& loop_;
  interpreter interpreter_;
  weft::task_handle<value> main_;
};

/// The trace of a program.
inline std::string run_program(const program& p) { return harness(p).run(); }

}  // namespace conformance
