// How generators hang together that hand over to each other: the base of their promises.
// SPDX-License-Identifier: MIT
//
// A generator that hands over to another one is a chain of coroutines, of which the outermost resumes the innermost
// directly, in a loop: a step costs the same at any depth, and no step, exception or destruction uses native stack for
// the depth. Symmetric transfer would do that in optimised builds only. Only the innermost one knows the outermost; it
// hands that on when it ends.
//
//     while (!promise.ended()) promise.advance();
#pragma once

#include <weft/core/error.hpp>
#include <weft/detail/frame_pool.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

namespace weft {

/// What generators know of each other: the one that goes on when this one has ended, and, in the outermost one, where
/// all of them are.
class generator_link {
 public:
  generator_link(const generator_link&) = delete;
  generator_link& operator=(const generator_link&) = delete;

  static void* operator new(std::size_t size) { return detail::frame_pool::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { detail::frame_pool::deallocate(frame, size); }

  class final_awaiter {
   public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> at_end) const noexcept {
      generator_link& self = at_end.promise();
      self.hand_back();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { outermost_->failure_ = std::current_exception(); }

  // ---- of the outermost one ----

  bool ended() const noexcept { return innermost_ == nullptr; }

  /// Runs to the next element, or to the end.
  void advance() {
    check_idle();
    element_ = nullptr;
    if (ended()) return;
    running_ = true;
    do {
      innermost_->coroutine().resume();
    } while (element_ == nullptr && innermost_ != nullptr);
    running_ = false;
    rethrow_failure();
  }

  void check_idle() const {
    if (running_) throw usage_error("weft: the generator is running already; it cannot be advanced from within itself");
  }

  /// Innermost first: who is inside may refer to what those around it own.
  void destroy_chain() noexcept {
    generator_link* link = ended() ? this : innermost_;
    while (link != nullptr) {
      generator_link* const around = link->around_;
      link->coroutine().destroy();
      link = around;
    }
  }

  // ---- of the innermost one ----

  /// Suspended with an element.
  template <class Element>
  void give(Element& element) noexcept {
    outermost_->element_ = const_cast<void*>(static_cast<const volatile void*>(std::addressof(element)));
  }

  /// Hands over to another one, which may have begun, and be a chain itself.
  void go_on_with(generator_link& other) noexcept {
    other.around_ = this;
    other.innermost_->outermost_ = outermost_;
    outermost_->innermost_ = other.innermost_;
  }

  /// When that one has ended: throws what it has thrown.
  void rethrow_failure() {
    if (outermost_->failure_ == nullptr) [[likely]]
      return;
    std::rethrow_exception(std::exchange(outermost_->failure_, nullptr));
  }

  std::coroutine_handle<> coroutine() noexcept { return std::coroutine_handle<generator_link>::from_promise(*this); }

 protected:
  generator_link() noexcept = default;
  ~generator_link() = default;

  void* element_ = nullptr;

 private:
  void hand_back() noexcept {
    outermost_->innermost_ = around_;
    if (around_ != nullptr) around_->outermost_ = outermost_;
  }

  generator_link* around_ = nullptr;
  generator_link* outermost_ = this;  // right for the innermost one only: it is handed on from one to the next
  generator_link* innermost_ = this;
  std::exception_ptr failure_;
  bool running_ = false;
};

/// Awaits, for `co_yield elements_of(...)`, the end of another generator. Trivially destructible: a generator that was
/// handed over belongs to the chain.
class elements_awaiter {
 public:
  elements_awaiter(generator_link& outer, generator_link& inner) noexcept : outer_(outer), inner_(inner) {}

  bool await_ready() const noexcept { return inner_.ended(); }
  void await_suspend(std::coroutine_handle<>) noexcept { outer_.go_on_with(inner_); }
  void await_resume() {
    inner_.coroutine().destroy();
    outer_.rethrow_failure();
  }

 private:
  generator_link& outer_;
  generator_link& inner_;
};

/// Keeps a copy of what a generator of values yields by name, so that it can be moved out of the range.
template <class T>
class copied_element_awaiter {
 public:
  copied_element_awaiter(generator_link& giver, const T& element) : element_(element), giver_(giver) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) noexcept { giver_.give(element_); }
  void await_resume() const noexcept {}

 private:
  T element_;
  generator_link& giver_;
};

}  // namespace weft
