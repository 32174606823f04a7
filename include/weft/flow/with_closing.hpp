// A scope for something that has to be closed, where closing it may wait.
// SPDX-License-Identifier: MIT
//
// contextlib.aclosing(). A destructor cannot wait, so an object that is left early, as an async generator by a `break`,
// cannot be closed by its scope. This closes it after the body, however that has ended, before the caller goes on.
//
//     co_await weft::with_closing(lines(connection), [&](weft::async_generator<std::string>& all) -> weft::task<> {
//       while (auto line = co_await all.next()) {
//         if (line->empty()) break;
//       }
//     });
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/task.hpp>
#include <weft/flow/outcome_of.hpp>

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace weft {

/// Has a close() that can be awaited.
template <class T>
concept closable = requires(std::remove_reference_t<T>& thing) {
  { thing.close() } -> awaitable;
};

/// Runs body(thing), a function that returns a task, in this task, then awaits thing.close(), and returns what the body
/// returns or throws what it throws. An exception of close() replaces that. An rvalue is kept until then, an lvalue
/// referred to. Cancelled: as the body is; a further cancel() cancels the closing. Mirrors `async with
/// aclosing(thing)`.
template <closable Thing, class Body>
  requires task_function<std::decay_t<Body>&, std::remove_reference_t<Thing>&>
auto with_closing(Thing&& thing, Body&& body);

/// Says what to write instead.
template <class Thing, class Body>
  requires(!closable<Thing> || !task_function<std::decay_t<Body>&, std::remove_reference_t<Thing>&>)
refused with_closing(Thing&&, Body&&) {
  static_assert(closable<Thing>, "weft: with_closing() needs something with a close() that can be awaited");
  static_assert(!closable<Thing> || task_function<std::decay_t<Body>&, std::remove_reference_t<Thing>&>,
                "weft: the body of with_closing() is a function that takes a reference to what is closed and returns a "
                "task");
  return {};
}

// ---- details ----

namespace detail {

template <class T, class Thing, class Body>
task<T> run_with_closing(Thing thing, Body body) {
  // A body that is no coroutine may throw, too, and so may a result that is moved.
  outcome<T> result;
  try {
    task<T> work = std::invoke(body, thing);
    result = co_await outcome_of(std::move(work));
  } catch (const cancelled_error&) {
    result.cancel();
  } catch (...) {
    result.fail(std::current_exception());
  }
  co_await thing.close();
  co_return std::move(result).value();
}

}  // namespace detail

template <closable Thing, class Body>
  requires task_function<std::decay_t<Body>&, std::remove_reference_t<Thing>&>
auto with_closing(Thing&& thing, Body&& body) {
  static_assert(safe_argument<Thing> && safe_argument<Body>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  using result = typename std::invoke_result_t<std::decay_t<Body>&, std::remove_reference_t<Thing>&>::value_type;
  return detail::run_with_closing<result, Thing, std::decay_t<Body>>(std::forward<Thing>(thing),
                                                                     std::forward<Body>(body));
}

}  // namespace weft
