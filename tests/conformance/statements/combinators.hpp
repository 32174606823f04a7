// shield, wait and as_completed.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "../interpreter.hpp"
#include "time_limits.hpp"

namespace conformance {

inline weft::task<completion> run_shield(interpreter& in, context& cx, const statement& s) {
  const std::optional<started_child> task = in.start_child(cx, s.get<child>(0));
  if (!task) co_return completion("shield skip");
  const value result = co_await weft::shield(task->task);
  co_return completion("shield " + result.text());
}

inline std::vector<weft::task_handle<value>> handles_of(const std::vector<started_child>& tasks) {
  std::vector<weft::task_handle<value>> handles;
  for (const started_child& t : tasks) handles.push_back(t.task);
  return handles;
}

inline std::string done_or_pending(const std::vector<weft::task_handle<value>>& tasks) {
  std::string list;
  for (const weft::task_handle<value>& t : tasks) {
    list += (list.empty() ? "" : ",") + t.name();
    if (!t.done()) continue;
    if (t.cancelled()) {
      list += ":cancelled";
    } else if (const std::exception_ptr e = t.exception()) {
      list += ":!" + describe(e);
    } else {
      list += ":" + t.result().text();
    }
  }
  return list;
}

inline weft::task<completion> run_wait(interpreter& in, context& cx, const statement& s) {
  const std::string& mode = s.get<std::string>(0);
  const weft::return_when when = mode == "first_completed"   ? weft::first_completed
                                 : mode == "first_exception" ? weft::first_exception
                                                             : weft::all_completed;
  const std::vector<weft::task_handle<value>> tasks = handles_of(in.start_children(cx, s.get<std::vector<child>>(2)));
  if (tasks.empty()) co_return completion("wait skip");
  const auto result = co_await weft::wait(tasks, when, to_time_limit(s.get<time_or_null>(1)));
  co_return completion("wait done=" + done_or_pending(result.done) + " pending=" + done_or_pending(result.pending));
}

// The loop refers to asyncio's iterator until its tasks have ended or its time is over, so the program keeps ours, too:
// its timer shows in the time at which a stall is noticed.
inline weft::task<completion> run_as_completed(interpreter& in, context& cx, const statement& s) {
  const std::vector<weft::task_handle<value>> tasks = handles_of(in.start_children(cx, s.get<std::vector<child>>(1)));
  using stream = weft::completion_stream<weft::task_handle<value>>;
  const auto kept = std::make_shared<stream>(tasks, to_time_limit(s.get<time_or_null>(0)));
  in.keep(kept);
  stream& results = *kept;
  std::vector<value> values;
  for (;;) {
    value item;
    try {
      const auto next = co_await results.next();
      if (!next) break;
      item = next->result();
    } catch (const weft::cancelled_error&) {
      throw;
    } catch (...) {
      item = value::error(describe(std::current_exception()));
    }
    in.emit(cx.task(), s.id, "next " + item.text());
    values.push_back(std::move(item));
  }
  co_return completion("as_completed " + value(std::move(values)).text());
}

inline void add_combinator_statements(vocabulary& words) {
  words.add("shield", {kind::a_task}, run_shield);
  words.add("wait", {kind::wait_mode, kind::limit, kind::children}, run_wait);
  words.add("as_completed", {kind::limit, kind::children}, run_as_completed);
}

}  // namespace conformance
