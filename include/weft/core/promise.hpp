// The promise of weft's coroutines: where the result goes, how the chain is linked, and what co_await means.
// SPDX-License-Identifier: MIT
//
// await_transform is the one gate through which every co_await passes: it notes file and line, throws cancelled_error
// for every awaiter alike, and turns wrong uses into one readable line. It returns prvalues only: g++ 12 copies into
// the frame what an await_transform returns by reference.
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/frame_pool.hpp>

#include <cxxabi.h>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <source_location>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace weft {

template <class T>
class task;
template <class T>
class promise;

/// Awaits a library awaiter on behalf of a coroutine. Awaiter is a reference to the temporary in the frame of the one
/// that awaits, or a type that make() makes in place, or one that holds nothing.
template <class Awaiter>
class operation_awaiter {
 public:
  explicit operation_awaiter(Awaiter&& a) noexcept
    requires(std::is_reference_v<Awaiter> || std::is_empty_v<Awaiter>)
      : awaiter_(static_cast<Awaiter&&>(a)) {}
  template <class Make>
    requires(!std::is_reference_v<Awaiter>)
  operation_awaiter(std::in_place_t, Make&& make) : awaiter_(std::forward<Make>(make)()) {}
  operation_awaiter(const operation_awaiter&) = delete;
  operation_awaiter& operator=(const operation_awaiter&) = delete;

  bool await_ready() { return awaiter_.await_ready(); }

  auto await_suspend(std::coroutine_handle<>) { return awaiter_.await_suspend(*task_state::current()); }

  decltype(auto) await_resume() {
    if (task_state::current()->take_cancelled()) [[unlikely]] {
      if constexpr (requires { awaiter_.await_cancelled(); }) awaiter_.await_cancelled();
      throw cancelled_error();
    }
    return awaiter_.await_resume();
  }

 private:
  Awaiter awaiter_;
};

/// What operation_awaiter has of a temporary A.
template <class A>
using awaited_in_place = std::conditional_t<std::is_empty_v<A> && std::is_trivially_copyable_v<A>, A, A&&>;

/// Awaits a coroutine: it becomes the leaf of the chain. Trivially destructible: a coroutine that has started belongs
/// to the chain, which is destroyed leaf first and not by the awaiters in it.
template <class T>
class coroutine_awaiter {
 public:
  explicit coroutine_awaiter(promise<T>& child) noexcept : child_(&child) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) noexcept { task_state::current()->enter(*child_); }
  T await_resume() {
    struct destroy_at_end {
      promise<T>* child;
      ~destroy_at_end() { child->coroutine().destroy(); }
    } guard{child_};
    return std::move(child_->result).value();
  }

 private:
  promise<T>* child_;
};

/// `co_await stand_in(a_task)`: for a coroutine that only keeps something alive for that task; reports name the task
/// instead.
template <class T>
class stand_in {
 public:
  explicit stand_in(task<T>&& stands_for) noexcept : inner(std::move(stands_for)) {}
  task<T> inner;
};

/// What all of weft's coroutines have in common, whatever they return.
class promise_base : public chain_link {
 public:
  static void* operator new(std::size_t size) { return detail::frame_pool::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { detail::frame_pool::deallocate(frame, size); }

  std::suspend_always initial_suspend() const noexcept { return {}; }

  /// Goes on with the coroutine that awaits this one; the root's end is its task's.
  class final_awaiter {
   public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> at_end) const noexcept {
      chain_link& self = at_end.promise();
      if (chain_link* parent = self.awaited_by()) {
        task_state::current()->go_on_with(*parent);
      } else {
        task_state::current()->body_ended();
      }
    }
    void await_resume() const noexcept {}
  };
  final_awaiter final_suspend() const noexcept { return {}; }

  /// A task: runs inline, as `await coro()` does. Throws invalid_state_error if it is empty or was awaited before.
  template <class T>
  coroutine_awaiter<T> await_transform(task<T>&& child, std::source_location where = std::source_location::current()) {
    at(where);
    return coroutine_awaiter<T>(child.release());
  }

  template <class T>
  coroutine_awaiter<T> await_transform(stand_in<T>&& a) {
    promise<T>& child = a.inner.release();
    at(std::source_location());
    if (awaited_by() == nullptr) task_state::current()->label().set_coroutine(child.where());
    return coroutine_awaiter<T>(child);
  }

  // Wrong uses. They return what the right use does, so that the static_assert is the only error.
  template <class T>
  coroutine_awaiter<T> await_transform(task<T>&) {
    static_assert(!sizeof(task<T>*), "weft: a task is awaited once, as an rvalue: write co_await std::move(the_task)");
    std::abort();
  }
  template <class T>
  coroutine_awaiter<T> await_transform(const task<T>&) {
    static_assert(!sizeof(task<T>*),
                  "weft: a task is awaited once: drop its const, and write co_await std::move(the_task)");
    std::abort();
  }

  /// An awaiter: it stays where it is, in the frame of the one that awaits.
  template <awaiter A>
  operation_awaiter<awaited_in_place<A>> await_transform(A&& awaited,
                                                         std::source_location where = std::source_location::current()) {
    static_assert(
        !std::is_lvalue_reference_v<A>,
        "weft: an operation is awaited once, as an rvalue: await it where you make it, or co_await std::move(it)");
    at(where);
    return operation_awaiter<awaited_in_place<A>>(std::forward<A>(awaited));
  }

  /// Something that makes an awaiter: a handle, a future.
  template <makes_awaiter A>
  auto await_transform(A&& awaited, std::source_location where = std::source_location::current()) {
    at(where);
    auto make = [&]() -> decltype(auto) { return std::forward<A>(awaited).operator co_await(); };
    return operation_awaiter<decltype(std::forward<A>(awaited).operator co_await())>(std::in_place, make);
  }

  template <class A>
    requires(!awaitable<A>)
  operation_awaiter<refused::awaiter> await_transform(A&&) {
    static_assert(!std::invocable<A>, "weft: a function cannot be awaited, only what it returns: write co_await f()");
    static_assert(
        std::invocable<A> || !sizeof(std::remove_reference_t<A>*),
        "weft: this cannot be awaited in a weft task: only tasks, task handles and weft's own operations can");
    std::abort();
  }

 protected:
  explicit promise_base(const std::source_location& where) noexcept : chain_link(where) {}
  ~promise_base() = default;

  // Whether the exception that is being handled is an Error, without throwing it again to find out.
  template <class Error>
  static bool handling() noexcept {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return type != nullptr && *type == typeid(Error);
  }
};

template <class T>
class promise final : public promise_base {
  static_assert(!std::is_rvalue_reference_v<T>, "weft: a task cannot return an rvalue reference; return the value");
  static_assert(alignof(stored_t<T>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                "weft: the result of a task cannot be over-aligned; return a std::unique_ptr to it");

 public:
  explicit promise(std::source_location where = std::source_location::current()) noexcept : promise_base(where) {}

  task<T> get_return_object() noexcept { return task<T>(*this); }

  template <class Value = T>
  void return_value(Value&& value) {
    constexpr bool converts = std::convertible_to<Value, stored_t<T>>;
    static_assert(converts, "weft: what this coroutine returns does not convert to the T of its task<T>");
    if constexpr (converts) result.emplace(std::forward<Value>(value));
  }
  void unhandled_exception() noexcept {
    if (handling<cancelled_error>()) {
      result.cancel();
    } else {
      result.fail(std::current_exception());
    }
  }

  outcome<T> result;
};

template <>
class promise<void> final : public promise_base {
 public:
  explicit promise(std::source_location where = std::source_location::current()) noexcept : promise_base(where) {}

  task<void> get_return_object() noexcept;

  void return_void() noexcept { result.emplace(); }
  void unhandled_exception() noexcept {
    if (handling<cancelled_error>()) {
      result.cancel();
    } else {
      result.fail(std::current_exception());
    }
  }

  outcome<void> result;
};

}  // namespace weft
