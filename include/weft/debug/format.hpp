// fmt formatters for the states of tasks, locks, queues and so on: what asyncio's repr() shows.
// SPDX-License-Identifier: MIT
//
// In a header of its own, and not in the umbrella, because it is the only one that needs a package: {fmt} 8 or later.
// Each state is one short text, `<mutex locked, 2 waiters>`; width and alignment work as for strings.
//
//     fmt::print("{} {}\n", jobs, weft::current_task());   // <queue 3 of 10, 1 unfinished> <task 'Task-1' running>
#pragma once

#include <weft/core/outcome.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/task_group.hpp>
#include <weft/sync/barrier.hpp>
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/queue.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/time/with_timeout.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

namespace weft {

/// The text that the formatters give.
std::string describe(const task_ref& task);
template <class T>
std::string describe(const task_handle<T>& task);
template <class T>
std::string describe(const future<T>& f);
template <class T>
std::string describe(const outcome<T>& o);
std::string describe(const mutex& m);
std::string describe(const event& e);
std::string describe(const condition_variable& c);
std::string describe(const semaphore& s);
std::string describe(const barrier& b);
template <class T, class Store>
std::string describe(const basic_queue<T, Store>& q);
std::string describe(const task_group& g);
std::string describe(const timeout_scope& t);

/// A state that describe() knows.
template <class S>
concept describable_state = requires(const S& s) {
  { describe(s) } -> std::same_as<std::string>;
};

// ---- details ----

namespace detail {

inline std::string and_waiters(std::string text, std::size_t n) {
  if (n > 0) text += fmt::format(", {} {}", n, n == 1 ? "waiter" : "waiters");
  return text + ">";
}

}  // namespace detail

inline std::string describe(const task_ref& task) {
  if (!task) return "<task, empty>";
  const char* state = "pending";
  if (task == current_task()) {
    state = "running";
  } else if (task.done()) {
    state = task.cancelled() ? "cancelled" : task.state().failed() ? "failed" : "done";
  } else if (task.cancelling() > 0) {
    state = "cancelling";
  }
  return fmt::format("<task '{}' {}>", task.name(), state);
}

template <class T>
std::string describe(const task_handle<T>& task) {
  return describe(task_ref(task));
}

template <class T>
std::string describe(const outcome<T>& o) {
  return o.pending() ? "<pending>" : o.has_value() ? "<value>" : o.cancelled() ? "<cancelled>" : "<failed>";
}

template <class T>
std::string describe(const future<T>& f) {
  const char* state = !f.done() ? "pending" : f.cancelled() ? "cancelled" : f.failed() ? "failed" : "done";
  return fmt::format("<future {}>", state);
}

inline std::string describe(const mutex& m) {
  return detail::and_waiters(fmt::format("<mutex {}", m.locked() ? "locked" : "unlocked"), m.waiters());
}

inline std::string describe(const event& e) {
  return detail::and_waiters(fmt::format("<event {}", e.is_set() ? "set" : "unset"), e.waiters());
}

inline std::string describe(const condition_variable& c) {
  return detail::and_waiters(fmt::format("<condition_variable {}", c.locked() ? "locked" : "unlocked"), c.waiters());
}

inline std::string describe(const semaphore& s) {
  return detail::and_waiters(fmt::format("<semaphore {}", s.locked() ? "locked" : fmt::format("{} free", s.value())),
                             s.waiters());
}

inline std::string describe(const barrier& b) {
  if (b.broken()) return "<barrier broken>";
  return fmt::format("<barrier {} of {}>", b.waiters(), b.parties());
}

template <class T, class Store>
std::string describe(const basic_queue<T, Store>& q) {
  std::string text = fmt::format("<queue {}", q.size());
  if (q.capacity() > 0) text += fmt::format(" of {}", q.capacity());
  if (q.unfinished() > 0) text += fmt::format(", {} unfinished", q.unfinished());
  if (q.getters() > 0) text += fmt::format(", {} getting", q.getters());
  if (q.putters() > 0) text += fmt::format(", {} putting", q.putters());
  if (q.is_shut_down()) text += ", shut down";
  return text + ">";
}

inline std::string describe(const task_group& g) { return fmt::format("<task_group {} left>", g.size()); }

inline std::string describe(const timeout_scope& t) { return t.expired() ? "<timeout expired>" : "<timeout>"; }

static_assert(describable_state<mutex> && describable_state<queue<int>> && describable_state<task_handle<int>>);

}  // namespace weft

template <weft::describable_state State>
struct fmt::formatter<State> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const State& state, Context& context) const {
    const std::string text = weft::describe(state);
    return fmt::formatter<std::string_view>::format(text, context);
  }
};
