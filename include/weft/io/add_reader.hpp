// Callbacks for descriptors: called in each pass in which one can be read from, or written to.
// SPDX-License-Identifier: MIT
//
// asyncio's loop.add_reader() and its three siblings, for code that is built on callbacks, such as a client library
// with an event interface of its own. Coroutines wait with wait_readable(). The callbacks belong to the loop, which
// gives them up when it goes. A callback is shared with the call that runs, since it may remove or replace itself.
//
//     weft::add_reader(fd, [fd] { take_what_is_there(fd); });
//     weft::remove_reader(fd);                                   // before fd is closed
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/detail/bound_call.hpp>

#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weft {

/// Calls fn(args...) in each pass in which `fd` can be read from (add_reader), or written to (add_writer), until it is
/// removed; errors and hang-ups count as both. Function and arguments are kept as by std::thread, and handed over as
/// lvalues. Adding again replaces what was added before. The callback may add and remove, itself, too. What it throws
/// goes to the loop's exception handler. The loop waits as long as there is one.
///
/// The first form is for the loop that runs in this thread. Throws usage_error without one, if that side of the
/// descriptor is waited for or watched by somebody else, and from another thread than the loop's; std::system_error
/// for what the poller cannot watch (EPERM: a regular file; EBADF); loop_closed_error. Nothing has changed then.
/// Mirrors loop.add_reader(), loop.add_writer().
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_reader(int fd, F&& fn, Args&&... args);
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_reader(event_loop& loop, int fd, F&& fn, Args&&... args);
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_writer(int fd, F&& fn, Args&&... args);
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_writer(event_loop& loop, int fd, F&& fn, Args&&... args);

/// Whether there was one. It is not called any more, not even if it was about to be, and destroyed: at once, or at the
/// end of its call. Call this before the descriptor is closed. False on a loop that is being destroyed. Mirrors
/// loop.remove_reader(), loop.remove_writer().
bool remove_reader(int fd);
bool remove_reader(event_loop& loop, int fd);
bool remove_writer(int fd);
bool remove_writer(event_loop& loop, int fd);

// ---- details ----

/// One side of a descriptor, and what to call; its loop's table and a call that runs share it.
class descriptor_callback : public runnable, public std::enable_shared_from_this<descriptor_callback> {
 public:
  descriptor_callback() = default;
  virtual ~descriptor_callback() { unlink(); }

  void run() final {
    const std::shared_ptr<descriptor_callback> self = shared_from_this();
    call();
  }

 private:
  virtual void call() = 0;
};

template <class F, class... Args>
class bound_descriptor_callback final : public descriptor_callback {
 public:
  template <class GivenF, class... GivenArgs>
  explicit bound_descriptor_callback(GivenF&& fn, GivenArgs&&... args)
      : bound_(std::in_place, std::forward<GivenF>(fn), std::forward<GivenArgs>(args)...) {}

 private:
  void call() override { bound_(); }

  detail::bound_call<F, Args...> bound_;
};

/// The callbacks of a loop.
class descriptor_callbacks {
 public:
  descriptor_callbacks() = default;
  descriptor_callbacks(const descriptor_callbacks&) = delete;
  descriptor_callbacks& operator=(const descriptor_callbacks&) = delete;
  ~descriptor_callbacks() {
    for (auto& [key, callback] : callbacks_) loop_->unwatch(key.first, key.second);
  }

  void add(event_loop& loop, int fd, interest side, std::shared_ptr<descriptor_callback> added);
  bool remove(int fd, interest side);

 private:
  event_loop* loop_ = nullptr;
  std::map<std::pair<int, interest>, std::shared_ptr<descriptor_callback>> callbacks_;
};

inline void descriptor_callbacks::add(event_loop& loop, int fd, interest side,
                                      std::shared_ptr<descriptor_callback> added) {
  loop_ = &loop;
  const auto [place, is_new] = callbacks_.try_emplace({fd, side});
  try {
    if (is_new && loop.is_watched(fd, side)) {
      throw usage_error("weft: descriptor " + std::to_string(fd) +
                        " is waited for or watched already on this side, and not by a callback that could be replaced");
    }
    loop.watch(fd, side, *added);
  } catch (...) {
    if (is_new) callbacks_.erase(place);
    throw;
  }
  if (!is_new) place->second->unlink();
  place->second.swap(added);  // what was there goes when this call returns: it may add and remove
}

inline bool descriptor_callbacks::remove(int fd, interest side) {
  const auto place = callbacks_.find({fd, side});
  if (place == callbacks_.end()) return false;
  loop_->unwatch(fd, side);
  const auto removed = callbacks_.extract(place);
  return true;
}

template <class F, class... Args>
void add_descriptor_callback(event_loop& loop, int fd, interest side, F&& fn, Args&&... args) {
  static_assert(!is_task<std::remove_cvref_t<detail::repeated_result<F, Args...>>>,
                "weft: a coroutine is no callback: call create_task() in a function, or co_await wait_readable()");
  loop.check_usable();
  auto added = std::make_shared<bound_descriptor_callback<std::decay_t<F>, std::decay_t<Args>...>>(
      std::forward<F>(fn), std::forward<Args>(args)...);
  loop.local<descriptor_callbacks>().add(loop, fd, side, std::move(added));
}

inline bool remove_descriptor_callback(event_loop& loop, int fd, interest side) {
  if (loop.is_closed()) return false;
  loop.check_usable();
  descriptor_callbacks* const callbacks = loop.local_or_null<descriptor_callbacks>();
  return callbacks != nullptr && callbacks->remove(fd, side);
}

template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_reader(event_loop& loop, int fd, F&& fn, Args&&... args) {
  add_descriptor_callback(loop, fd, interest::read, std::forward<F>(fn), std::forward<Args>(args)...);
}
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_reader(int fd, F&& fn, Args&&... args) {
  add_reader(event_loop::current(), fd, std::forward<F>(fn), std::forward<Args>(args)...);
}
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_writer(event_loop& loop, int fd, F&& fn, Args&&... args) {
  add_descriptor_callback(loop, fd, interest::write, std::forward<F>(fn), std::forward<Args>(args)...);
}
template <class F, class... Args>
  requires detail::repeatable_call<F, Args...>
void add_writer(int fd, F&& fn, Args&&... args) {
  add_writer(event_loop::current(), fd, std::forward<F>(fn), std::forward<Args>(args)...);
}

inline bool remove_reader(event_loop& loop, int fd) { return remove_descriptor_callback(loop, fd, interest::read); }
inline bool remove_reader(int fd) { return remove_reader(event_loop::current(), fd); }
inline bool remove_writer(event_loop& loop, int fd) { return remove_descriptor_callback(loop, fd, interest::write); }
inline bool remove_writer(int fd) { return remove_writer(event_loop::current(), fd); }

}  // namespace weft
