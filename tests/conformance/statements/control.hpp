// log, raise, return, repeat and try: what a program does without waiting.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline std::string run_log(interpreter&, const statement&) { return "log"; }

inline weft::task<completion> run_raise(interpreter&, context&, const statement& s) {
  throw user_error(s.get<std::int64_t>(0));
  co_return completion("raise");  // makes this a coroutine
}

inline weft::task<completion> run_return(interpreter&, context&, const statement& s) {
  const value v(s.get<std::int64_t>(0));
  co_return completion("return " + v.text(), v);
}

inline weft::task<completion> run_repeat(interpreter& in, context& cx, const statement& s) {
  returned signal;
  for (std::int64_t i = 0; i < s.get<std::int64_t>(0) && !signal; ++i) {
    signal = co_await in.run_body(cx, s.get<body>(1));
  }
  co_return completion("repeat", signal);
}

/// The body of a handler of `try`. `caught` is what `reraise` throws.
inline weft::task<returned> run_handler(interpreter& in, context& cx, const body& statements,
                                        std::exception_ptr caught) {
  returned signal;
  for (const statement& s : statements) {
    if (s.op->name == "reraise") {
      in.emit(cx.task(), s.id, "reraise");
      std::rethrow_exception(caught);
    }
    signal = co_await in.run_statement(cx, s);
    if (signal) break;
  }
  co_return signal;
}

// No co_await can stand in a catch clause, so each step notes the exception that it ends with and the next one goes on
// from there. That is what the reference's try statement comes to.
inline weft::task<completion> run_try(interpreter& in, context& cx, const statement& s) {
  const handlers& after = s.get<handlers>(1);
  returned signal;
  std::exception_ptr failure;  // under way, not caught so far
  try {
    signal = co_await in.run_body(cx, s.get<body>(0));
  } catch (const endless_program&) {
    throw;
  } catch (...) {
    failure = std::current_exception();
  }
  const std::optional<body>& handler = failure && is_cancelled(failure) ? after.cancelled : after.error;
  if (failure && handler) {
    const int requests = weft::current_task().cancelling();
    in.emit(cx.task(), s.id, "caught " + describe(failure) + " c=" + std::to_string(requests));
    const std::exception_ptr caught = std::exchange(failure, nullptr);
    try {
      signal = co_await run_handler(in, cx, *handler, caught);
    } catch (const endless_program&) {
      throw;
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (after.finally) {
    in.emit(cx.task(), s.id, "finally");
    co_await in.run_body(cx, *after.finally);  // a `return` in there ends only the finally
  }
  if (failure) std::rethrow_exception(failure);
  co_return completion("try", signal);
}

inline void add_control_statements(vocabulary& words) {
  words.add("log", {}, run_log);
  words.add("raise", {kind::number}, run_raise);
  words.add("return", {kind::number}, run_return);
  words.add("repeat", {kind::count, kind::statements}, run_repeat);
  words.add("try", {kind::statements, kind::handlers}, run_try);
  words.add_part("reraise");
}

}  // namespace conformance
