// spawn, await, cancel, uncancel, yield and sleep: tasks and the time that they wait.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline std::string run_cancel(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const weft::task_handle<value>* found = in.find(name);
  if (!found) return "cancel " + name + " skip";
  weft::task_handle<value> task = *found;
  return "cancel " + name + (task.cancel() ? " 1" : " 0");
}

inline weft::task<completion> run_uncancel(interpreter&, context&, const statement&) {
  const int left = weft::current_task().uncancel();
  co_return completion("uncancel " + std::to_string(left));
}

inline weft::task<completion> run_spawn(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  if (in.find(name)) co_return completion("spawn " + name + " skip");
  in.start_task(name, s.get<body>(1));
  co_return completion("spawn " + name);
}

inline weft::task<completion> run_await(interpreter& in, context& cx, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const weft::task_handle<value>* found = in.find_awaitable(cx, name);
  if (!found) co_return completion("await " + name + " skip");
  const weft::task_handle<value> task = *found;  // the table may grow in the meantime
  const value result = co_await task;
  co_return completion("await " + name + " " + result.text());
}

inline weft::task<completion> run_yield(interpreter&, context&, const statement&) {
  co_await weft::yield();
  co_return completion("yield");
}

inline weft::task<completion> run_sleep(interpreter&, context&, const statement& s) {
  const std::chrono::milliseconds time(s.get<std::int64_t>(0));
  co_await weft::sleep_for(time);
  co_return completion("sleep");
}

inline void add_task_statements(vocabulary& words) {
  words.add("cancel", {kind::task}, run_cancel);
  words.add("uncancel", {}, run_uncancel);
  words.add("spawn", {kind::task, kind::statements}, run_spawn);
  words.add("await", {kind::task}, run_await);
  words.add("yield", {}, run_yield);
  words.add("sleep", {kind::number}, run_sleep);
}

}  // namespace conformance
