// How something ended: with a value, with an exception, or cancelled.
// SPDX-License-Identifier: MIT
//
// One type serves where a coroutine leaves its result, where a task keeps it, and as what gather_outcomes() hands out.
// Not std::expected (C++23) and not std::variant: "cancelled" is a state of its own and not an exception object, so
// that a task which is cancelled before it starts costs no throw.
//
//     for (const weft::outcome<int>& o : co_await weft::gather_outcomes(std::move(tasks)))
//       if (o) use(*o);
#pragma once

#include <weft/core/error.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace weft {

/// What a result of type T is kept as: a reference as std::reference_wrapper, void as std::monostate.
template <class T>
struct stored_as {
  using type = T;
};
template <class T>
struct stored_as<T&> {
  using type = std::reference_wrapper<T>;
};
template <class T>
struct stored_as<T&&> {
  using type = T;  // so that the promise's static_assert is the only error
};
template <>
struct stored_as<void> {
  using type = std::monostate;
};
template <class T>
using stored_t = typename stored_as<T>::type;

/// A value, an exception or "cancelled"; pending before it is any of them. T may be void or a reference. As movable and
/// copyable as T is.
template <class T = void>
class outcome {
 public:
  using value_type = stored_t<T>;

  outcome() noexcept : state_(state::pending) {}
  outcome(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<value_type>) { take(std::move(other)); }
  outcome(const outcome& other)
    requires std::is_copy_constructible_v<value_type>
  {
    take(other);
  }
  outcome& operator=(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<value_type>) {
    if (this != &other) {
      reset();
      take(std::move(other));
    }
    return *this;
  }
  outcome& operator=(const outcome& other)
    requires std::is_copy_constructible_v<value_type>
  {
    return *this = outcome(other);
  }
  ~outcome() { reset(); }

  bool pending() const noexcept { return state_ == state::pending; }
  bool has_value() const noexcept { return state_ == state::value; }
  bool failed() const noexcept { return state_ == state::failed; }
  bool cancelled() const noexcept { return state_ == state::cancelled; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; operator* is the same. Otherwise rethrows the exception, or throws cancelled_error, or
  /// invalid_state_error while pending.
  decltype(auto) value() & { return get(value_); }
  decltype(auto) value() const& { return get(value_); }
  decltype(auto) value() && { return get(std::move(value_)); }
  decltype(auto) operator*() & { return value(); }
  decltype(auto) operator*() const& { return value(); }
  decltype(auto) operator*() && { return std::move(*this).value(); }

  /// The exception, or null if there is none.
  std::exception_ptr exception() const noexcept { return failed() ? failure_ : std::exception_ptr(); }

  /// Ends it with a value, an exception, as cancelled; what it held before is dropped.
  template <class... Args>
  void emplace(Args&&... args) {
    reset();
    std::construct_at(std::addressof(value_), std::forward<Args>(args)...);
    state_ = state::value;
  }
  void fail(std::exception_ptr failure) noexcept {
    reset();
    std::construct_at(std::addressof(failure_), std::move(failure));
    state_ = state::failed;
  }
  void cancel() noexcept {
    reset();
    state_ = state::cancelled;
  }

 private:
  enum class state : unsigned char { pending, value, failed, cancelled };

  void reset() noexcept {
    if (state_ == state::value) {
      std::destroy_at(std::addressof(value_));
    } else if (state_ == state::failed) {
      std::destroy_at(std::addressof(failure_));
    }
    state_ = state::pending;
  }

  template <class Other>
  void take(Other&& other) {
    state_ = state::pending;
    if (other.state_ == state::value) {
      std::construct_at(std::addressof(value_), std::forward<Other>(other).value_);
    } else if (other.state_ == state::failed) {
      std::construct_at(std::addressof(failure_), std::forward<Other>(other).failure_);
    }
    state_ = other.state_;
  }

  template <class Value>
  auto get(Value&& value) const
      -> std::conditional_t<std::is_void_v<T>, void,
                            std::conditional_t<std::is_lvalue_reference_v<T>, T,
                                               std::conditional_t<std::is_lvalue_reference_v<Value>, Value, T>>> {
    if (state_ != state::value) [[unlikely]]
      throw_failure();
    if constexpr (std::is_lvalue_reference_v<T>) {
      return value.get();
    } else if constexpr (!std::is_void_v<T>) {
      return std::forward<Value>(value);
    }
  }

  [[noreturn]] void throw_failure() const {
    if (state_ == state::failed && failure_ == nullptr) {
      throw invalid_state_error("weft: this outcome was moved from, and its exception with it");
    }
    if (state_ == state::failed) std::rethrow_exception(failure_);
    if (state_ == state::cancelled) throw cancelled_error();
    throw invalid_state_error(
        "weft: there is no result: it is not there yet (await it first), or the coroutine ended without co_return");
  }

  union {
    value_type value_;
    std::exception_ptr failure_;
  };
  state state_;
};

/// The outcome, moved; if its value cannot be moved, a failure that says why. What has to be done at the end of
/// something must not depend on whether its result throws.
template <class T>
outcome<T> moved_or_failed(outcome<T>& from) noexcept {
  if constexpr (std::is_nothrow_move_constructible_v<outcome<T>>) {
    return std::move(from);
  } else {
    try {
      return std::move(from);
    } catch (...) {
      outcome<T> failed;
      failed.fail(std::current_exception());
      return failed;
    }
  }
}

}  // namespace weft
