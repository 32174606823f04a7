// Who is told of exceptions that nobody else can be told of.
// SPDX-License-Identifier: MIT
//
// A callback that throws has no caller, and a failed task may have nobody who asks for its result. asyncio's answer is
// a handler that the loop calls; by default it writes a line to stderr, the only thing that weft ever prints.
//
//     loop.set_exception_handler([](const weft::exception_context& c) { log(c.message, c.task); });
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/task_label.hpp>
#include <weft/detail/config.hpp>

#include <cxxabi.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace weft {

/// What the handler is told.
class exception_context {
 public:
  exception_context(std::string what_happened, std::exception_ptr cause, std::string who = {})
      : message(std::move(what_happened)), exception(std::move(cause)), task(std::move(who)) {}

  /// The same where nothing may be thrown, of the task that `who` is the label of, if it is given. If there is no
  /// memory for the words, it says just that.
  static exception_context compose(const char* what_happened, std::exception_ptr cause,
                                   const task_label* who = nullptr) noexcept;

  std::string message;           ///< what happened, for people
  std::exception_ptr exception;  ///< may be null
  std::string task;              ///< the task's name and where it comes from; empty outside tasks
};

/// A loop's handler (loop.set_exception_handler, loop.call_exception_handler).
class exception_handler {
 public:
  /// Calls fn(const exception_context&) from now on.
  template <class F>
  void set(F&& fn) {
    function_ = std::make_shared<bound<std::decay_t<F>>>(std::forward<F>(fn));
  }
  /// Back to the default.
  void set(std::nullptr_t) noexcept { function_ = nullptr; }

  /// Calls the function, or the default. What the function throws is reported by the default, and so is the context.
  void call(const exception_context& context) noexcept;

  /// Writes a line to stderr.
  static void report(const exception_context& context) noexcept;

 private:
  struct function {
    virtual ~function() = default;
    virtual void call(const exception_context& context) = 0;
  };
  template <class F>
  struct bound final : function {
    template <class G>
    explicit bound(G&& g) : fn(std::forward<G>(g)) {}
    void call(const exception_context& context) override { fn(context); }
    F fn;
  };

  std::shared_ptr<function> function_;  // shared with a call: the function may replace itself
};

// ---- details ----

WEFT_COLD inline exception_context exception_context::compose(const char* what_happened, std::exception_ptr cause,
                                                              const task_label* who) noexcept {
  try {
    return exception_context(what_happened, cause, who != nullptr ? who->text() : std::string());
  } catch (const std::bad_alloc&) {
    return exception_context("out of memory", std::move(cause));  // short enough to need none
  }
}

WEFT_COLD inline void exception_handler::call(const exception_context& context) noexcept {
  const std::shared_ptr<function> called = function_;
  if (called == nullptr) return report(context);
  try {
    called->call(context);
  } catch (...) {
    report(exception_context::compose("Unhandled error in exception handler", std::current_exception()));
    report(context);
  }
}

WEFT_COLD inline void exception_handler::report(const exception_context& context) noexcept {
  const char* task = context.task.c_str();
  std::fprintf(stderr, "weft: %s%s%s", context.message.c_str(), *task != '\0' ? ": " : "", task);
  if (context.exception != nullptr) {
    try {
      std::rethrow_exception(context.exception);
    } catch (const std::exception& e) {
      const std::unique_ptr<char, void (*)(void*)> type(
          abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, nullptr), std::free);
      std::fprintf(stderr, ": %s: %s", type != nullptr ? type.get() : typeid(e).name(), e.what());
    } catch (const cancelled_error& e) {
      std::fprintf(stderr, ": %s", e.what());
    } catch (...) {
      std::fputs(": an exception that is no std::exception", stderr);
    }
  }
  std::fputc('\n', stderr);
}

}  // namespace weft
