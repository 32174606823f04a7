// gather 0, weft's structured one, and gather 1, which gives outcomes.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline value to_value(const weft::outcome<value>& o) {
  if (o.has_value()) return *o;
  return value::error(o.cancelled() ? "Cancelled" : describe(o.exception()));
}

inline weft::task<std::vector<value>> gather_values(std::vector<started_child> tasks) {
  std::vector<weft::gather_child<value>> children;
  children.reserve(tasks.size());
  for (started_child& g : tasks) {
    if (g.started) {
      children.push_back(weft::adopt(g.task));
    } else {
      children.push_back(g.task);
    }
  }
  std::vector<value> result = co_await weft::gather(std::move(children));
  co_return result;
}

inline weft::task<std::vector<value>> gather_outcome_values(std::vector<started_child> tasks) {
  std::vector<weft::task_handle<value>> handles;
  handles.reserve(tasks.size());
  for (started_child& g : tasks) handles.push_back(g.task);
  const std::vector<weft::outcome<value>> outcomes = co_await weft::gather_outcomes(std::move(handles));
  std::vector<value> result;
  result.reserve(outcomes.size());
  for (const weft::outcome<value>& o : outcomes) result.push_back(to_value(o));
  co_return result;
}

inline weft::task<completion> run_gather(interpreter& in, context& cx, const statement& s) {
  std::vector<started_child> tasks = in.start_children(cx, s.get<std::vector<child>>(1));
  std::vector<value> values;
  if (s.get<std::int64_t>(0) == 0) {
    values = co_await gather_values(std::move(tasks));
  } else {
    values = co_await gather_outcome_values(std::move(tasks));
  }
  co_return completion("gather " + value(std::move(values)).text());
}

inline void add_gather_statement(vocabulary& words) { words.add("gather", {kind::flag, kind::children}, run_gather); }

}  // namespace conformance
