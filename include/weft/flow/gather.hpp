// Runs several tasks at once and waits for all of their results.
// SPDX-License-Identifier: MIT
//
// asyncio.gather() with one deliberate difference: it never returns before the tasks that it started have ended, since
// they may refer to variables of the one that gathers. So on the first failure the others are cancelled and waited for,
// and then that failure is thrown. Tasks that were running before, given by handle, are left alone, unless adopt()ed.
//
//     auto [page, size] = co_await weft::gather(fetch(url), size_of(file));          // a tuple
//     std::vector<int> all = co_await weft::gather(std::move(tasks));                // a vector
//
// The rule is in gather_core.hpp; here are the forms that arguments and results take.
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/startable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/input_range.hpp>
#include <weft/flow/gather_child.hpp>
#include <weft/flow/gather_core.hpp>

#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// Gives a value of what a task returned, in the form in which a tuple or a vector holds it.
template <class T>
stored_t<T> unwrap(outcome<T>&& result) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(result).value();
  }
}

/// The children of gather(a, b, ...): the results are a tuple, or nothing if there is none to return.
template <class... T>
class child_pack {
 public:
  explicit child_pack(gather_child<T>... children) : children_{std::move(children)...} {}

  std::span<gather_entry> entries() noexcept { return children_; }

  /// Calls fn(std::type_identity<T>, children) for each row of children that return T.
  template <class F>
  void for_each_row(F fn) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (fn(std::type_identity<T>(), entries().subspan(I, 1)), ...);
    }(std::index_sequence_for<T...>());
  }
  auto values() {
    if constexpr (!(std::is_void_v<T> && ...)) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::tuple<stored_t<T>...>(unwrap(children_[I].template take_result<T>())...);
      }(std::index_sequence_for<T...>());
    }
  }
  std::tuple<outcome<T>...> outcomes() {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<outcome<T>...>(children_[I].template take_result<T>()...);
    }(std::index_sequence_for<T...>());
  }

 protected:
  std::array<gather_entry, sizeof...(T)> children_;
};

/// The children of gather(range): the results are a vector, or nothing if the tasks return nothing.
template <class T>
class child_range {
 public:
  using value_type = T;

  void reserve(std::size_t children) { children_.reserve(children); }
  void add(gather_child<T> child) { children_.push_back(std::move(child)); }

  std::span<gather_entry> entries() noexcept { return children_; }

  template <class F>
  void for_each_row(F fn) {
    fn(std::type_identity<T>(), entries());
  }
  auto values() {
    if constexpr (!std::is_void_v<T>) {
      std::vector<stored_t<T>> all;
      all.reserve(children_.size());
      for (gather_entry& child : children_) all.push_back(unwrap(child.template take_result<T>()));
      return all;
    }
  }
  std::vector<outcome<T>> outcomes() {
    std::vector<outcome<T>> all;
    all.reserve(children_.size());
    for (gather_entry& child : children_) all.push_back(child.template take_result<T>());
    return all;
  }

 protected:
  std::vector<gather_entry> children_;
};

/// The children and the rule by which they are run. They outlive the core, which watches them until it goes.
template <class Children>
class gather_of : protected Children, public gather_core {
 public:
  bool await_suspend(task_state& waiting) {
    check_fresh();
    if (launches(this->entries(), waiting)) return true;
    this->for_each_row([&]<class T>(std::type_identity<T>, std::span<gather_entry> children) {
      prepare<T>(children, waiting.loop());
    });
    return start(this->entries(), waiting);
  }

 protected:
  gather_of(Children children, mode ends_at) : Children(std::move(children)), gather_core(ends_at) {}
  gather_of(gather_of&&) = default;
  ~gather_of() = default;

 private:
  void begin_children() final {
    this->for_each_row(
        [&]<class T>(std::type_identity<T>, std::span<gather_entry> children) { this->template begin<T>(children); });
  }
  void make_tasks() final {
    this->for_each_row(
        [&]<class T>(std::type_identity<T>, std::span<gather_entry> children) { this->template make<T>(children); });
  }
};

/// What gather() and gather_outcomes() return.
template <class Children, gather_core::mode Mode>
class [[nodiscard(
    "weft: a gather starts nothing until it is awaited: write co_await weft::gather(...)")]] gather_awaiter final
    : public gather_of<Children> {
 public:
  explicit gather_awaiter(Children children) : gather_of<Children>(std::move(children), Mode) {}
  gather_awaiter(gather_awaiter&&) = default;

  auto await_resume() {
    this->check();
    if constexpr (Mode == gather_core::mode::first_failure) {
      return this->values();
    } else {
      return this->outcomes();
    }
  }
};

namespace detail {

template <class T>
gather_child<T> as_child(gather_child<T> child) {
  return child;
}
template <class T>
gather_child<T> as_child(task<T>&& to_start) {
  return gather_child<T>(std::move(to_start));
}
template <startable A>
auto as_child(A&& a) {
  auto child = as_startable(std::forward<A>(a));
  return gather_child<typename decltype(child)::value_type>(std::move(child));
}

template <class A>
concept gatherable = requires(A&& a) { as_child(std::forward<A>(a)); };

template <class R>
concept gatherable_range = input_range<R> && gatherable<range_rvalue_reference_t<R>>;

template <class... Given>
concept no_children = !(gatherable<Given> && ...) && !(sizeof...(Given) == 1 && (gatherable_range<Given> && ...));

template <class R>
concept range_of_children = input_range<R> && gatherable<range_value_t<R>>;

// Says what to write instead of a child that cannot be one.
template <class Given>
constexpr auto explain_no_child() {
  constexpr bool good = gatherable<Given>;
  constexpr bool named = !good && awaitable<Given>;
  constexpr bool range = !good && !named && gatherable_range<Given>;
  constexpr bool fixed = !good && !named && !range && range_of_children<Given>;
  static_assert(!named, "weft: tasks and operations are gathered once, as rvalues: write std::move(the_task)");
  static_assert(!range, "weft: gather takes either one range or any number of tasks: gather the range by itself");
  static_assert(!fixed,
                "weft: the tasks of a range are started once: drop its const, and write gather(std::move(tasks))");
  static_assert(good || named || range || fixed || !sizeof(std::remove_reference_t<Given>*),
                "weft: only tasks, functions that return one, task handles and weft's own operations can be gathered");
}

template <class... Given>
auto refuse_children() {
  (explain_no_child<Given>(), ...);
  return refused();
}

template <class Range>
auto as_children(Range&& range) {
  static_assert(safe_argument<Range>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  using child = decltype(as_child(std::declval<range_rvalue_reference_t<Range>>()));
  using reference = range_reference_t<Range>;
  static_assert(!std::is_lvalue_reference_v<Range> || std::is_constructible_v<child, reference>,
                "weft: the tasks of a range are started once: write gather(std::move(tasks))");
  child_range<typename child::value_type> children;
  if constexpr (requires { std::ranges::size(range); }) children.reserve(std::ranges::size(range));
  for (auto&& element : range) {
    if constexpr (std::is_constructible_v<child, reference>) {
      children.add(as_child(static_cast<reference&&>(element)));
    } else {
      children.add(as_child(std::move(element)));
    }
  }
  return children;
}

template <class... T>
child_pack<T...> pack_of(gather_child<T>... children) {
  return child_pack<T...>(std::move(children)...);
}

template <gather_core::mode Mode, class Children>
auto make_gather(Children children) {
  return gather_awaiter<Children, Mode>(std::move(children));
}

}  // namespace detail

/// Starts the tasks when it is awaited and returns their results in argument order: a tuple (std::monostate for void,
/// std::reference_wrapper for a reference), or nothing if all are void. Arguments: tasks, functions that return one,
/// handles, operations of the library. Three passes for new tasks that do not wait; none if there is nothing to wait
/// for. Throws the first failure, once all tasks that it started have ended. Tasks given by handle were started by
/// somebody else: a failure leaves them running, and they are not waited for then; see adopt(). The result of a handle
/// is copied, or moved out if it can only be moved. Cancelled: cancels all children, waits for them, throws
/// cancelled_error. Where memory runs out before all have begun, the others never do: those that have are cancelled and
/// waited for, and std::bad_alloc is thrown.
template <detail::gatherable... Children>
auto gather(Children&&... children) {
  return detail::make_gather<gather_core::mode::first_failure>(
      detail::pack_of(detail::as_child(std::forward<Children>(children))...));
}

/// The same for a range of tasks (an rvalue, or a view that makes them) or of handles: the results are a vector.
template <detail::gatherable_range Range>
auto gather(Range&& range) {
  return detail::make_gather<gather_core::mode::first_failure>(detail::as_children(std::forward<Range>(range)));
}

/// Not a gather: says what to write instead.
template <class... Given>
  requires detail::no_children<Given...>
auto gather(Given&&...) {
  return detail::refuse_children<Given...>();
}

/// As gather(), but a failure is a result like any other and cancels nobody: outcomes instead of values. Mirrors
/// asyncio.gather(return_exceptions=True).
template <detail::gatherable... Children>
auto gather_outcomes(Children&&... children) {
  return detail::make_gather<gather_core::mode::none>(
      detail::pack_of(detail::as_child(std::forward<Children>(children))...));
}
template <detail::gatherable_range Range>
auto gather_outcomes(Range&& range) {
  return detail::make_gather<gather_core::mode::none>(detail::as_children(std::forward<Range>(range)));
}
/// Not a gather: says what to write instead.
template <class... Given>
  requires detail::no_children<Given...>
auto gather_outcomes(Given&&...) {
  return detail::refuse_children<Given...>();
}

static_assert(awaiter<gather_awaiter<child_pack<int, void>, gather_core::mode::first_failure>>);

}  // namespace weft
