// Callbacks for signals, on the loop.
// SPDX-License-Identifier: MIT
//
// asyncio's loop.add_signal_handler(). What is called is a function like any other, two passes after the signal: it may
// allocate, print, cancel tasks, which a handler that is given to the operating system must not. A task that waits for
// signals has a signal_set.
//
//     weft::task_handle<> serving = weft::create_task(serve());
//     weft::add_signal_handler(SIGTERM, [serving] { serving.cancel(); });
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/callback.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/interrupt.hpp>
#include <weft/detail/bound_call.hpp>
#include <weft/io/signal.hpp>

#include <map>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

/// From now on the signal calls fn(args...) on the loop, once for each time it has come, in the order in which signals
/// come, and has no other effect. Function and arguments are kept as by std::thread, and handed over as lvalues. Adding
/// again replaces what was added before. What it throws goes to the loop's exception handler. The loop waits as long as
/// there is one. SIGINT is a signal like the others: run() does not hear of it meanwhile.
///
/// The first form is for the loop that runs in this thread. Only in the main thread: else, and without a loop,
/// usage_error; also for SIGKILL and SIGSTOP. std::invalid_argument for a number that is no signal's. Mirrors
/// loop.add_signal_handler().
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_signal_handler(int number, F&& fn, Args&&... args);
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_signal_handler(event_loop& loop, int number, F&& fn, Args&&... args);

/// Whether there was one. The signal has the effect again that it had before, unless others want it, too: in run(),
/// SIGINT cancels the main task again. Calls that are queued are still made. The end of the loop removes all. False on
/// a loop that is being destroyed; throws as the above. Mirrors loop.remove_signal_handler().
bool remove_signal_handler(int number);
bool remove_signal_handler(event_loop& loop, int number);

// ---- details ----

/// What a signal calls; the calls that are queued share it.
class signal_callback {
 public:
  signal_callback() = default;
  signal_callback(const signal_callback&) = delete;
  signal_callback& operator=(const signal_callback&) = delete;
  virtual ~signal_callback() = default;
  virtual void call() = 0;
};

template <class F, class... Args>
class bound_signal_callback final : public signal_callback {
 public:
  template <class GivenF, class... GivenArgs>
  explicit bound_signal_callback(GivenF&& fn, GivenArgs&&... args)
      : bound_(std::in_place, std::forward<GivenF>(fn), std::forward<GivenArgs>(args)...) {}
  void call() override { bound_(); }

 private:
  detail::bound_call<F, Args...> bound_;
};

/// The handlers of a loop.
class signal_handlers final : public signal_listener {
 public:
  signal_handlers() = default;
  ~signal_handlers() {
    if (inbox_ != nullptr) inbox_->remove(*this);
  }

  void add(event_loop& loop, int number, std::shared_ptr<signal_callback> added);
  bool remove(int number);
  inline bool signals_came(std::span<const unsigned char> order) noexcept override;

 private:
  struct handler {
    explicit handler(int number) : subscription(number) {}
    signal_subscription subscription;
    std::shared_ptr<signal_callback> callback;
  };

  void queue_call(handler& of);

  event_loop* loop_ = nullptr;
  signal_inbox* inbox_ = nullptr;
  std::map<int, handler> handlers_;
};

inline void signal_handlers::add(event_loop& loop, int number, std::shared_ptr<signal_callback> added) {
  const auto [place, is_new] = handlers_.try_emplace(number, number);
  if (handlers_.size() == 1 && is_new) {
    try {
      loop_ = &loop;
      inbox_ = &loop.local<signal_inbox>();
      inbox_->add(loop, *this);
      if (place->second.subscription.pending() > 0) inbox_->look();
    } catch (...) {
      handlers_.erase(place);
      throw;
    }
  }
  place->second.callback.swap(added);  // what was there goes when this call returns: it may add and remove
}

inline bool signal_handlers::remove(int number) {
  const auto place = handlers_.find(number);
  if (place == handlers_.end()) return false;
  if (handlers_.size() == 1) inbox_->remove(*this);
  const auto removed = handlers_.extract(place);
  return true;
}

inline bool signal_handlers::signals_came(std::span<const unsigned char> order) noexcept {
  try {
    for (const unsigned char number : order) {
      const auto place = handlers_.find(number);
      if (place != handlers_.end() && place->second.subscription.pending() > 0) queue_call(place->second);
    }
    for (auto& [number, left] : handlers_) {
      while (left.subscription.pending() > 0) queue_call(left);
    }
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

inline void signal_handlers::queue_call(handler& of) {
  loop_->schedule(*make_callback([callback = of.callback] { callback->call(); }));
  of.subscription.take();
}

inline void check_signal_thread() {
  if (interrupt_guard::in_main_thread()) return;
  throw usage_error(
      "weft: signal handlers are added and removed in the main thread only; a signal_set works in every thread");
}

template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_signal_handler(event_loop& loop, int number, F&& fn, Args&&... args) {
  static_assert(!is_task<std::remove_cvref_t<detail::repeated_result<F, Args...>>>,
                "weft: a coroutine is no signal handler: call create_task() in a function, or co_await next() of a "
                "signal_set");
  check_signal_thread();
  loop.check_usable();
  auto added = std::make_shared<bound_signal_callback<std::decay_t<F>, std::decay_t<Args>...>>(
      std::forward<F>(fn), std::forward<Args>(args)...);
  loop.local<signal_inbox>();  // the older one goes last
  loop.local<signal_handlers>().add(loop, number, std::move(added));
}
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_signal_handler(int number, F&& fn, Args&&... args) {
  add_signal_handler(event_loop::current(), number, std::forward<F>(fn), std::forward<Args>(args)...);
}

inline bool remove_signal_handler(event_loop& loop, int number) {
  if (loop.is_closed()) return false;
  check_signal_thread();
  loop.check_usable();
  if (!signal_process::is_signal(number)) {
    throw std::invalid_argument("weft: there is no signal " + std::to_string(number));
  }
  signal_handlers* const handlers = loop.local_or_null<signal_handlers>();
  return handlers != nullptr && handlers->remove(number);
}
inline bool remove_signal_handler(int number) { return remove_signal_handler(event_loop::current(), number); }

}  // namespace weft
