// A coroutine that gives values one by one, each when it is asked for (Python's generator function).
// SPDX-License-Identifier: MIT
//
// C++23's std::generator, with Python's `yield from`: a move-only input range. It waits for nothing and needs no loop.
// Generators may hand over to each other to any depth; generator_link.hpp says how.
//
//     weft::generator<int> countdown(int n) {
//       for (; n > 0; --n) co_yield n;
//     }
//     for (int n : countdown(3)) fmt::print("{}\n", n);
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/flow/generator_link.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <ranges>
#include <type_traits>
#include <utility>

namespace weft {

template <class T>
class generator_promise;

/// `co_yield elements_of(r)`: all elements of a range, or what another generator still has to give, which is taken over
/// (Python's `yield from`). An exception of theirs arrives at the co_yield.
template <class Range>
class [[nodiscard("weft: elements_of() does nothing by itself: write co_yield elements_of(...)")]] elements_of {
 public:
  explicit elements_of(Range&& r) noexcept : range(static_cast<Range&&>(r)) {
    static_assert(safe_argument<Range>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  }
  Range&& range;
};
template <class Range>
elements_of(Range&&) -> elements_of<Range>;

/// What a generator coroutine returns. T is what is yielded: a value, which can then be moved out of the range, or a
/// reference, which is handed through as it is. It runs in begin() and ++, and what it throws leaves these; it has
/// ended then. Destroyed: the coroutine is destroyed where it stands; its own body must not do that. Mirrors Python's
/// generator.
template <class T>
class [[nodiscard("weft: a generator does nothing until it is iterated over")]] generator
    : public std::ranges::view_base {
 public:
  using promise_type = generator_promise<T>;

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = std::remove_cvref_t<T>;
    using difference_type = std::ptrdiff_t;

    explicit iterator(promise_type& of) noexcept : promise_(&of) {}
    iterator(const iterator&) = delete;  // there is one position only, the generator's
    iterator& operator=(const iterator&) = delete;
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;

    T&& operator*() const noexcept { return promise_->element(); }
    iterator& operator++() {
      promise_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.promise_->ended(); }

   private:
    promise_type* promise_;
  };

  generator() noexcept = default;
  explicit generator(promise_type& made_by) noexcept : promise_(&made_by) {}
  generator(const generator&) = delete;
  generator& operator=(const generator&) = delete;
  generator(generator&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
  generator& operator=(generator&& other) noexcept {
    generator old(std::move(other));
    std::swap(promise_, old.promise_);
    return *this;
  }
  ~generator() {
    if (promise_ != nullptr) promise_->destroy_chain();
  }

  /// Runs to the next element: the first one, or, when a loop was left before the end, the one after. Throws what the
  /// coroutine throws, invalid_state_error if the generator is empty, usage_error from within itself.
  iterator begin() {
    promise_type& promise = checked();
    promise.advance();
    return iterator(promise);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

  /// False if it is empty: default-constructed, moved from, or handed over to another generator.
  explicit operator bool() const noexcept { return promise_ != nullptr; }

  /// For elements_of(): hands the coroutine over. Throws invalid_state_error if it is empty, usage_error if it runs.
  promise_type& release() {
    checked().check_idle();
    return *std::exchange(promise_, nullptr);
  }

 private:
  promise_type& checked() const {
    if (promise_ == nullptr) {
      throw invalid_state_error("weft: this generator is empty: it was moved from or never made; call it again");
    }
    return *promise_;
  }

  promise_type* promise_ = nullptr;
};

template <class G>
inline constexpr bool is_generator = false;
template <class T>
inline constexpr bool is_generator<generator<T>> = true;

/// A generator that first calls fn(args...), which returns one, and keeps both alive as long as itself: this makes
/// lambdas with captures safe. Arguments are kept and handed over as by std::thread.
template <class F, class... Args>
  requires is_generator<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>
auto make_generator(F&& fn, Args&&... args) -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>;

// ---- details ----

/// What a co_await in a generator becomes once the compiler has said that it cannot be.
class refused_await {
 public:
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  refused await_resume() const noexcept { return {}; }
};

template <class T>
class generator_promise final : public generator_link {
  static_assert(!std::is_void_v<T>, "weft: a generator of nothing gives nothing; write generator<int>, for instance");
  using object = std::remove_reference_t<T>;
  static constexpr bool gives_values = !std::is_reference_v<T>;
  static constexpr bool gives_const_references = std::is_lvalue_reference_v<T> && std::is_const_v<object>;

 public:
  generator<T> get_return_object() noexcept { return generator<T>(*this); }

  T&& element() const noexcept { return static_cast<T&&>(*static_cast<object*>(element_)); }

  // What is yielded lives in the frame until the coroutine goes on.
  std::suspend_always yield_value(object&& element) noexcept
    requires(!std::is_lvalue_reference_v<T>)
  {
    static_assert(safe_argument<object>, WEFT_UNSAFE_ARGUMENT_ADVICE);
    give(element);
    return {};
  }
  copied_element_awaiter<object> yield_value(const object& element)
    requires(gives_values && std::copy_constructible<object>)
  {
    return copied_element_awaiter<object>(*this, element);
  }
  std::suspend_always yield_value(object& element) noexcept
    requires std::is_lvalue_reference_v<T>
  {
    give(element);
    return {};
  }
  std::suspend_always yield_value(std::remove_const_t<object>&& element) noexcept
    requires gives_const_references
  {
    static_assert(safe_argument<std::remove_const_t<object>>, WEFT_UNSAFE_ARGUMENT_ADVICE);
    give(element);
    return {};
  }

  elements_awaiter yield_value(elements_of<generator<T>> other) {
    return elements_awaiter(*this, other.range.release());
  }
  template <std::ranges::input_range Range>
  elements_awaiter yield_value(elements_of<Range> elements) {
    static_assert(!is_generator<std::remove_cvref_t<Range>> || !std::is_lvalue_reference_v<Range>,
                  "weft: elements_of() takes a generator over: write elements_of(std::move(the_generator))");
    return elements_awaiter(*this, each_of<Range>(static_cast<Range&&>(elements.range)).release());
  }

  template <class Awaited>
  refused_await await_transform(Awaited&&) {
    static_assert(!sizeof(std::remove_reference_t<Awaited>*),
                  "weft: a generator cannot wait: no co_await in it; write a weft::async_generator<T>");
    std::abort();
  }
  std::suspend_always yield_value(refused) noexcept { return {}; }

 private:
  // A range by reference: it stands in the co_yield expression of the one that waits for the end of this.
  template <class Range>
  static generator<T> each_of(Range&& range) {
    for (auto&& element : range) co_yield std::forward<decltype(element)>(element);
  }
};

namespace detail {

template <class Generator, class F, class... Args>
Generator call_and_keep_generator(F fn, Args... args) {
  Generator inner = std::invoke(std::move(fn), std::move(args)...);
  co_yield elements_of(std::move(inner));
}

}  // namespace detail

template <class F, class... Args>
  requires is_generator<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>
auto make_generator(F&& fn, Args&&... args) -> std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...> {
  static_assert(safe_argument<F> && (safe_argument<Args> && ...), WEFT_UNSAFE_ARGUMENT_ADVICE);
  return detail::call_and_keep_generator<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>, std::decay_t<F>,
                                         std::decay_t<Args>...>(std::forward<F>(fn), std::forward<Args>(args)...);
}

static_assert(std::ranges::input_range<generator<int>> && std::ranges::view<generator<int>>);
static_assert(std::ranges::input_range<generator<const int&>> && !std::ranges::forward_range<generator<int>>);

}  // namespace weft
