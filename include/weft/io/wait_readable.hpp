// Waits until a descriptor can be read from or written to without blocking.
// SPDX-License-Identifier: MIT
//
// What asyncio programs build from add_reader() and a future. The entry that the loop schedules lives in the awaiter,
// so that waiting allocates nothing. It takes the two passes of the pair: in the first the loop learns that the
// descriptor is ready, in the second the task goes on. Level-triggered: what is ready already, or still, is waited for
// no longer than that.
//
//     co_await weft::wait_readable(fd);
//     const ssize_t n = ::read(fd, buffer, sizeof buffer);
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task_state.hpp>

#include <string>
#include <utility>

namespace weft {

class readiness_awaiter;

/// Resumes two passes after the descriptor can be read from, or written to: the operation will not block, but it may
/// say that the other end has gone, since errors and hang-ups count as ready. What was ready may have been taken by
/// others meanwhile, so let the descriptor be non-blocking (O_NONBLOCK), and wait again on EAGAIN. It must stay open
/// until the task has resumed or was cancelled: a number that is closed is soon another descriptor.
///
/// Throws usage_error if that side of the descriptor is waited for or watched already; std::system_error for what the
/// poller cannot watch: EPERM for a regular file, which is always ready, EBADF for what is not open. Cancelled: the
/// descriptor is not watched any more. Two tasks may wait for the two sides of one.
readiness_awaiter wait_readable(int fd) noexcept;
readiness_awaiter wait_writable(int fd) noexcept;

// ---- details ----

class [[nodiscard(
    "weft: a wait for a descriptor does nothing until it is awaited: write co_await "
    "weft::wait_readable(fd)")]] readiness_awaiter final : public runnable,
                                                           public waitable {
 public:
  static constexpr bool ends_by_destruction = true;

  readiness_awaiter(int fd, interest side) noexcept : fd_(fd), side_(side) {}
  /// Before it is awaited it may move.
  readiness_awaiter(readiness_awaiter&& unstarted) noexcept
      : runnable(), waitable(), fd_(unstarted.fd_), side_(unstarted.side_) {}
  ~readiness_awaiter() { stop_watching(); }

  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting);
  void await_resume() const noexcept {}

  bool cancel(cancel_walk&) noexcept override {
    stop_watching()->wake_cancelled();
    return true;
  }
  inline std::string describe() const override;
  void run() override { stop_watching()->wake(); }

 private:
  /// Returns the task that waited; null if the descriptor is not watched any more.
  task_state* stop_watching() noexcept;

  task_state* task_ = nullptr;  // while the descriptor is watched
  int fd_;
  interest side_;
};

inline readiness_awaiter wait_readable(int fd) noexcept { return readiness_awaiter(fd, interest::read); }
inline readiness_awaiter wait_writable(int fd) noexcept { return readiness_awaiter(fd, interest::write); }

inline void readiness_awaiter::await_suspend(task_state& waiting) {
  event_loop& loop = waiting.loop();
  if (loop.is_watched(fd_, side_)) {
    throw usage_error("weft: descriptor " + std::to_string(fd_) +
                      (side_ == interest::read ? " is waited for or watched already by someone who reads"
                                               : " is waited for or watched already by someone who writes") +
                      "; one task or callback at a time");
  }
  loop.watch(fd_, side_, *this);
  task_ = &waiting;
  waiting.wait_on(*this);
}

inline task_state* readiness_awaiter::stop_watching() noexcept {
  if (task_ != nullptr) task_->loop().unwatch(fd_, side_);
  return std::exchange(task_, nullptr);
}

inline std::string readiness_awaiter::describe() const {
  return "descriptor " + std::to_string(fd_) + (side_ == interest::read ? " to be readable" : " to be writable");
}

static_assert(awaiter<readiness_awaiter>);

}  // namespace weft
