// Runs several tasks at once and takes the first one to end.
// SPDX-License-Identifier: MIT
//
// asyncio has no such thing; programs build it from wait() and cancel(), and forget to wait for the losers. Here the
// losers are cancelled and waited for before the race returns, so they may refer to what the caller owns. An operation
// of the library that loses (a sleep, a queue's get) is cancelled without an exception being thrown.
//
//     auto first = co_await weft::race(jobs.get(), stop.wait());          // a variant
//     if (first.index() == 1) co_return;
//
// A race is a gather that the first end decides: gather_core.hpp has the rule.
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/config.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/gather_core.hpp>

#include <cstddef>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weft {

/// Which task of a range was first, and its result.
template <class T>
class first_result {
 public:
  first_result(std::size_t which, stored_t<T>&& result) : index(which), value(std::move(result)) {}

  std::size_t index;
  stored_t<T> value;
};

/// Out of line: inlined, it makes g++ 12 warn of an exception that is not initialised.
template <class T>
WEFT_OUTLINE stored_t<T> value_of(gather_entry& winner) {
  return unwrap(winner.template take_result<T>());
}

/// The racers of race(a, b, ...): the result is a variant.
template <class... T>
class racer_pack : public child_pack<T...> {
 public:
  using child_pack<T...>::child_pack;

  std::variant<stored_t<T>...> winner(std::size_t first) { return pick(first, std::index_sequence_for<T...>()); }

 private:
  using result = std::variant<stored_t<T>...>;

  template <std::size_t... I>
  result pick(std::size_t first, std::index_sequence<I...>) {
    using get = result (*)(gather_entry&);
    constexpr get all[] = {[](gather_entry& child) { return result(std::in_place_index<I>, value_of<T>(child)); }...};
    return all[first](this->children_[first]);
  }
};

/// The racers of race(range).
template <class T>
class racer_range : public child_range<T> {
 public:
  explicit racer_range(child_range<T> children) : child_range<T>(std::move(children)) {}

  first_result<T> winner(std::size_t first) { return first_result<T>(first, value_of<T>(this->children_[first])); }
};

/// What race() returns.
template <class Racers>
class [[nodiscard(
    "weft: a race starts nothing until it is awaited: write co_await weft::race(...)")]] race_awaiter final
    : public gather_of<Racers> {
 public:
  explicit race_awaiter(Racers racers) : gather_of<Racers>(std::move(racers), gather_core::mode::first_end) {}
  race_awaiter(race_awaiter&&) = default;

  auto await_resume() {
    this->check();
    return this->winner(this->first_to_end());
  }
};

namespace detail {

template <class T>
gather_child<T> as_racer(startable_task<T> racer) {
  gather_child<T> child(std::move(racer));
  child.compete();
  return child;
}

template <class... T>
auto race_pack(gather_child<T>... racers) {
  return race_awaiter<racer_pack<T...>>(racer_pack<T...>(std::move(racers)...));
}
template <class T>
auto race_range(child_range<T> racers) {
  return race_awaiter<racer_range<T>>(racer_range<T>(std::move(racers)));
}

}  // namespace detail

/// Starts the tasks when it is awaited, waits for the first one to end, cancels the others and waits for them; then
/// returns the first one's result as a variant (std::monostate for void), or throws its exception, or cancelled_error
/// if it was cancelled. Takes what gather() takes; also tasks given by handle are cancelled when they lose. Operations
/// are tried in argument order, and one that loses has not happened: a queue keeps its item. The result of a losing
/// task that has ended, too, is dropped, and its failure reported. Cancelled: cancels all, waits for them, throws
/// cancelled_error.
template <startable... Racers>
  requires(sizeof...(Racers) > 0)
auto race(Racers&&... racers) {
  return detail::race_pack(detail::as_racer(as_startable(std::forward<Racers>(racers)))...);
}

/// The same for a range of tasks (an rvalue, or a view that makes them) or of handles: gives index and value. Throws
/// std::invalid_argument if there are none.
template <detail::gatherable_range Range>
auto race(Range&& range) {
  auto racers = detail::as_children(std::forward<Range>(range));
  if (racers.entries().empty()) throw std::invalid_argument("weft: race() needs at least one task");
  for (gather_entry& racer : racers.entries()) racer.compete();
  return detail::race_range(std::move(racers));
}

/// Not a race: says what to write instead.
template <class... Given>
  requires detail::no_children<Given...>
auto race(Given&&...) {
  return detail::refuse_children<Given...>();
}

// ---- details ----

static_assert(awaiter<race_awaiter<racer_pack<int, void>>>);

}  // namespace weft
