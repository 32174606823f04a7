// Runs the statements of a conformance program on weft's public API; the families are in statements/.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "errors.hpp"
#include "objects.hpp"
#include "program.hpp"
#include "trace.hpp"
#include "value.hpp"
#include "vocabulary.hpp"

namespace conformance {

/// What belongs to one running coroutine of the program: the task that its lines carry, the time limits it is under.
class context {
 public:
  explicit context(std::string task) : task_(std::move(task)), number_(task_number(task_)) {}

  const std::string& task() const noexcept { return task_; }
  std::int64_t number() const noexcept { return number_; }

  /// Innermost last.
  std::vector<weft::timeout_scope*> limits;

 private:
  std::string task_;
  std::int64_t number_;
};

/// A task of the program, which stays known by its name when it has ended.
struct named_task {
  std::string name;
  weft::task_handle<value> handle;
};

/// A child of a combinator.
struct started_child {
  weft::task_handle<value> task;
  bool started;  // by the statement that names it
};

/// The state of a program under way, and the verbs that the statements are made of.
class interpreter {
 public:
  interpreter(weft::event_loop& loop, const object_list& objects, trace& out)
      : loop_(loop), trace_(out), objects_(objects, loop) {}
  interpreter(const interpreter&) = delete;
  interpreter& operator=(const interpreter&) = delete;

  weft::event_loop& loop() noexcept { return loop_; }

  object_table& objects() noexcept { return objects_; }

  // ---- the trace

  void emit(std::string_view who, std::int64_t id, std::string_view text) { emit(who, std::to_string(id), text); }
  void emit(std::string_view who, std::string_view id, std::string_view text) {
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.time().time_since_epoch());
    trace_.event(time.count(), who, id, text);
  }

  // ---- tasks

  /// In creation order, ended or not.
  const std::vector<named_task>& tasks() const noexcept { return tasks_; }

  /// nullptr: not created yet. The pointer is good until the next task is created.
  const weft::task_handle<value>* find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &tasks_[found->second].handle;
  }

  /// The await rule: a coroutine may only wait for tasks of higher numbers, so that no circle can arise.
  const weft::task_handle<value>* find_awaitable(const context& cx, const std::string& name) const {
    return task_number(name) > cx.number() ? find(name) : nullptr;
  }

  /// Starts the children in argument order; those that are absent are left out.
  std::vector<started_child> start_children(const context& cx, const std::vector<child>& children) {
    std::vector<started_child> result;
    for (const child& c : children) {
      if (std::optional<started_child> task = start_child(cx, c)) result.push_back(*std::move(task));
    }
    return result;
  }
  std::optional<started_child> start_child(const context& cx, const child& c) {
    if (c.statements && !find(c.name)) return started_child{start_task(c.name, *c.statements), true};
    if (const weft::task_handle<value>* found = find_awaitable(cx, c.name)) return started_child{*found, false};
    return std::nullopt;
  }

  weft::task_handle<value> start_task(const std::string& name, const body& statements) {
    return enter_task(name, loop_.create_task(run_task(name, statements), name));
  }

  /// Notes a task that a statement has created in its own way. `run_task` makes the coroutine for it.
  weft::task_handle<value> enter_task(const std::string& name, weft::task_handle<value> handle) {
    index_.emplace(name, tasks_.size());
    tasks_.push_back({name, handle});
    return handle;
  }

  weft::task<value> run_task(std::string name, const body& statements) {
    context cx(std::move(name));
    emit(cx.task(), "-", "start");
    returned signal;
    try {
      signal = co_await run_body(cx, statements);
    } catch (...) {
      emit(cx.task(), "-", "end !" + describe(std::current_exception()));
      throw;
    }
    value result = signal ? *signal : value();
    emit(cx.task(), "-", "end " + result.text());
    co_return result;
  }

  // ---- statements

  /// Gives the value of the `return` that ended the body, if one did.
  weft::task<returned> run_body(context& cx, const body& statements) {
    returned signal;
    for (const statement& s : statements) {
      signal = co_await run_statement(cx, s);
      if (signal) break;
    }
    co_return signal;
  }

  weft::task<returned> run_statement(context& cx, const statement& s) {
    if (s.op->run_now) {
      emit(cx.task(), s.id, s.op->run_now(*this, s));
      co_return std::nullopt;
    }
    try {
      const completion done = co_await s.op->run(*this, cx, s);
      emit(cx.task(), s.id, done.text());
      co_return done.signal();
    } catch (const endless_program&) {
      throw;
    } catch (...) {
      emit(cx.task(), s.id, s.op->name + " !" + describe(std::current_exception()));
      throw;
    }
  }

  void run_callback(std::int64_t id, const body& statements) {
    emit("-", id, "callback");
    for (const statement& s : statements) emit("-", s.id, s.op->run_now(*this, s));
  }

  // ---- timers, by the id of the `later` that made them

  void enter_timer(std::int64_t id, weft::timer_handle timer) { timers_.insert_or_assign(id, std::move(timer)); }

  weft::timer_handle* find_timer(std::int64_t id) {
    const auto found = timers_.find(id);
    return found == timers_.end() ? nullptr : &found->second;
  }

  /// Keeps something alive for as long as the program.
  void keep(std::shared_ptr<void> thing) { kept_.push_back(std::move(thing)); }

  // ---- task groups, by the id of the `group` that entered them last; null when they have ended

  void enter_group(std::int64_t id, weft::task_group* group) { groups_.insert_or_assign(id, group); }

  /// nullopt: not entered yet.
  std::optional<weft::task_group*> find_group(std::int64_t id) const {
    const auto found = groups_.find(id);
    return found == groups_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  weft::event_loop& loop_;
  trace& trace_;
  object_table objects_;
  std::vector<named_task> tasks_;
  std::map<std::string, std::size_t> index_;
  std::map<std::int64_t, weft::timer_handle> timers_;
  std::map<std::int64_t, weft::task_group*> groups_;
  std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace conformance
