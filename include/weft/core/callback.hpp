// Plain functions on the loop: what call_soon, call_later, call_at and add_done_callback keep, and the handles they
// return.
// SPDX-License-Identifier: MIT
//
// asyncio's Handle and TimerHandle. One allocation (from the frame pool) holds the links, the timer's slot and the
// bound function. The loop and the handles share it by counting, since either may let go first. One thread only, like
// the loop.
//
//     weft::timer_handle h = loop.call_later(10ms, [] { fmt::print("ten\n"); });
//     h.cancel();
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/runnable.hpp>
#include <weft/detail/frame_pool.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace weft {

/// A function with its arguments, scheduled or about to be; made by make_callback().
class callback : public timer {
 public:
  callback(const callback&) = delete;
  callback& operator=(const callback&) = delete;

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) destroy();
  }

  inline void run() final;
  inline void discard() noexcept final;

  /// Takes it out of whatever queue it is in and drops the function; does nothing if it has run.
  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_; }

  /// For timers: where it is armed, and when it is due.
  void armed_in(timer_queue& timers, time_point when) noexcept {
    timers_ = &timers;
    when_ = when;
  }
  time_point when() const noexcept { return when_; }

 protected:
  callback() = default;
  ~callback() = default;

 private:
  virtual void invoke() = 0;
  virtual void drop_function() noexcept = 0;
  virtual void destroy() noexcept = 0;

  timer_queue* timers_ = nullptr;
  time_point when_{};
  int references_ = 1;  // the queue's
  bool cancelled_ = false;
};

/// A callback's handle (asyncio.Handle). Copyable; dropping it does not cancel.
class callback_handle {
 public:
  callback_handle() = default;
  explicit callback_handle(callback& c) noexcept : callback_(&c) { c.retain(); }
  callback_handle(const callback_handle& other) noexcept : callback_(other.callback_) {
    if (callback_ != nullptr) callback_->retain();
  }
  callback_handle(callback_handle&& other) noexcept : callback_(std::exchange(other.callback_, nullptr)) {}
  callback_handle& operator=(callback_handle other) noexcept {
    std::swap(callback_, other.callback_);
    return *this;
  }
  ~callback_handle() {
    if (callback_ != nullptr) callback_->release();
  }

  /// The function will not be called and is destroyed now; does nothing if it has been called. Mirrors Handle.cancel().
  void cancel() noexcept {
    if (callback_ != nullptr) callback_->cancel();
  }
  bool cancelled() const noexcept { return callback_ != nullptr && callback_->cancelled(); }

 protected:
  callback* callback_ = nullptr;
};

/// The handle of call_later and call_at (asyncio.TimerHandle).
class timer_handle : public callback_handle {
 public:
  using callback_handle::callback_handle;

  /// When it is or was due, on the loop's clock.
  time_point when() const noexcept { return callback_ != nullptr ? callback_->when() : time_point{}; }
};

/// A callback that calls fn(args...) once; all are kept as decayed copies and handed over as rvalues, as std::thread
/// does. The caller owns the one reference, normally on behalf of the queue that it puts the callback in.
template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
callback* make_callback(F&& fn, Args&&... args);

/// The same for the loop of another thread. Its memory is the system's: what one thread takes from the pool and another
/// one gives back would gather there.
template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
callback* make_posted_callback(F&& fn, Args&&... args);

// ---- details ----

inline void callback::run() {
  struct release_at_end {
    callback& self;
    ~release_at_end() {
      self.drop_function();
      self.release();
    }
  } guard{*this};
  invoke();
}

inline void callback::discard() noexcept {
  drop_function();
  release();
}

inline void callback::cancel() noexcept {
  if (cancelled_ || !(linked() || in_heap())) return;
  cancelled_ = true;
  if (in_heap()) timers_->remove(*this);
  unlink();
  discard();
}

template <class Bound, bool Pooled>
class bound_callback final : public callback {
 public:
  explicit bound_callback(Bound&& bound) : bound_(std::move(bound)) {}

  static void* operator new(std::size_t size) {
    return Pooled ? detail::frame_pool::allocate(size) : ::operator new(size);
  }
  static void operator delete(void* memory, std::size_t size) noexcept {
    Pooled ? detail::frame_pool::deallocate(memory, size) : ::operator delete(memory);
  }

  // What is kept may be over-aligned, which the pool does not serve.
  static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }

 private:
  void invoke() override { (*bound_)(); }
  void drop_function() noexcept override { bound_.reset(); }
  void destroy() noexcept override { delete this; }

  std::optional<Bound> bound_;
};

template <bool Pooled, class F, class... Args>
callback* bind_callback(F&& fn, Args&&... args) {
  static_assert(!is_task<std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>>,
                "weft: a coroutine is no callback, it would never run: call a function that gives it to create_task()");
  auto bound = [fn = std::decay_t<F>(std::forward<F>(fn)),
                ... args = std::decay_t<Args>(std::forward<Args>(args))]() mutable {
    static_cast<void>(std::invoke(std::move(fn), std::move(args)...));
  };
  return new bound_callback<decltype(bound), Pooled>(std::move(bound));
}

template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
callback* make_callback(F&& fn, Args&&... args) {
  return bind_callback<true>(std::forward<F>(fn), std::forward<Args>(args)...);
}

template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
callback* make_posted_callback(F&& fn, Args&&... args) {
  return bind_callback<false>(std::forward<F>(fn), std::forward<Args>(args)...);
}

}  // namespace weft
