// timeout, reschedule and wait_for.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline weft::time_limit to_time_limit(const time_or_null& ms) {
  if (!ms) return std::nullopt;
  return std::chrono::milliseconds(*ms);
}

/// The body of a timeout. When it ends, its scope is left: whether it had expired is noted for the line that says so.
inline weft::task<returned> run_limited(interpreter& in, context& cx, const body& statements,
                                        weft::timeout_scope& scope, bool& expired) {
  class entry {
   public:
    entry(context& c, weft::timeout_scope& s, bool& e) : cx_(c), scope_(s), expired_(e) { cx_.limits.push_back(&s); }
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry() {
      cx_.limits.pop_back();
      expired_ = scope_.expired();
    }

   private:
    context& cx_;
    weft::timeout_scope& scope_;
    bool& expired_;
  };
  const entry here(cx, scope, expired);
  co_return co_await in.run_body(cx, statements);
}

inline weft::task<completion> run_timeout(interpreter& in, context& cx, const statement& s) {
  const std::chrono::milliseconds ms(s.get<std::int64_t>(0));
  bool expired = false;
  returned signal;
  std::exception_ptr failure;
  try {
    signal = co_await weft::with_timeout(
        ms, [&](weft::timeout_scope& scope) { return run_limited(in, cx, s.get<body>(1), scope, expired); });
  } catch (...) {
    failure = std::current_exception();
  }
  in.emit(cx.task(), s.id, std::string("timeout expired=") + (expired ? "1" : "0"));
  if (failure) std::rethrow_exception(failure);
  co_return completion("timeout", signal);
}

inline weft::task<completion> run_reschedule(interpreter& in, context& cx, const statement& s) {
  if (cx.limits.empty()) co_return completion("reschedule skip");
  const time_or_null& ms = s.get<time_or_null>(0);
  std::optional<weft::time_point> when;
  if (ms) when = in.loop().time() + std::chrono::milliseconds(*ms);
  try {
    cx.limits.back()->reschedule(when);
  } catch (const weft::usage_error&) {
    co_return completion("reschedule refused");
  }
  co_return completion("reschedule ok");
}

/// `["co", body]`: its lines carry the task's name, but it does not see the time limits around the wait_for.
inline weft::task<value> run_coroutine(interpreter& in, std::string task, const body& statements) {
  context cx(std::move(task));
  const returned signal = co_await in.run_body(cx, statements);
  co_return signal ? *signal : value();
}

inline weft::task<completion> run_wait_for(interpreter& in, context& cx, const statement& s) {
  const weft::time_limit ms = to_time_limit(s.get<time_or_null>(0));
  const child& what = s.get<child>(1);
  value result;
  if (what.name.empty()) {
    result = co_await weft::wait_for(run_coroutine(in, cx.task(), *what.statements), ms);
  } else {
    const std::optional<started_child> task = in.start_child(cx, what);
    if (!task) co_return completion("wait_for skip");
    result = co_await weft::wait_for(task->task, ms);
  }
  co_return completion("wait_for " + result.text());
}

inline void add_time_limit_statements(vocabulary& words) {
  words.add("timeout", {kind::number, kind::statements}, run_timeout);
  words.add("reschedule", {kind::limit}, run_reschedule);
  words.add("wait_for", {kind::limit, kind::child}, run_wait_for);
}

}  // namespace conformance
