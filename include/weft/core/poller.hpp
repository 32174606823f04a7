// Waits for file descriptors: the loop's only way to sleep, behind a seam.
// SPDX-License-Identifier: MIT
//
// epoll where there is one, with nanosecond timeouts where the kernel has epoll_pwait2 (5.11); poll(2) everywhere else,
// and in the tests, which run on both. Not kqueue yet: poll(2) serves macOS until someone needs ten thousand
// descriptors there.
//
//     weft::poll_poller poller;
//     weft::event_loop loop({.poller = &poller});
#pragma once

#include <weft/core/clock.hpp>
#include <weft/detail/unique_fd.hpp>

#include <fcntl.h>
#include <poll.h>
#if defined(__linux__)
#include <sys/epoll.h>
#include <sys/syscall.h>
#endif
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

namespace weft {

/// For what a descriptor is watched. Errors and hang-ups wake in any case, as both.
enum class interest : unsigned char { read = 1, write = 2, both = 3 };

/// A descriptor that is ready, and for what.
struct ready_event {
  int fd;
  interest what;
};

/// The seam. A poller outlives the loop that uses it and belongs to its thread.
class poller {
 public:
  poller() = default;
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  virtual ~poller() = default;

  /// Watches a descriptor, or changes for what it is watched; whether it is new. Throws std::system_error (EBADF: it is
  /// not open).
  virtual bool watch(int fd, interest what) = 0;

  /// Stops watching; whether it was watched. Call it before the descriptor is closed.
  virtual bool forget(int fd) noexcept = 0;

  /// Appends what is ready to `out`, waiting at most `timeout` for the first: not negative; duration::max() is for
  /// ever. Never returns early by rounding; may return early, with nothing, after a signal. Throws std::system_error.
  virtual void wait(duration timeout, std::vector<ready_event>& out) = 0;
};

/// poll(2): portable; cost grows with the number of descriptors.
class poll_poller final : public poller {
 public:
  inline bool watch(int fd, interest what) override;
  inline bool forget(int fd) noexcept override;
  inline void wait(duration timeout, std::vector<ready_event>& out) override;

 private:
  std::vector<pollfd> fds_;
};

#if defined(__linux__)
/// epoll(7), level-triggered.
class epoll_poller final : public poller {
 public:
  /// Throws std::system_error, for instance EMFILE.
  epoll_poller();
  inline bool watch(int fd, interest what) override;
  inline bool forget(int fd) noexcept override;
  inline void wait(duration timeout, std::vector<ready_event>& out) override;

 private:
  int wait_for_events(duration timeout);

  detail::unique_fd epoll_;
  std::array<epoll_event, 256> events_;
  bool has_nanoseconds_ = true;
};
using default_poller = epoll_poller;
#else
using default_poller = poll_poller;
#endif

// ---- details ----

namespace detail {

// Milliseconds, rounded up so that nobody wakes early; -1 waits for ever.
inline int poll_milliseconds(duration timeout) noexcept {
  if (timeout == duration::max()) return -1;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return static_cast<int>(std::min<std::int64_t>(ms, std::numeric_limits<int>::max()));
}

inline interest merge(bool read, bool write) noexcept {
  return static_cast<interest>((read ? 1U : 0U) | (write ? 2U : 0U));
}

inline bool wants(interest what, interest one) noexcept {
  return (static_cast<unsigned>(what) & static_cast<unsigned>(one)) != 0;
}

/// Throws std::system_error (EBADF).
inline void check_is_open(int fd) {
  if (::fcntl(fd, F_GETFD) >= 0) return;
  const int error = errno;
  const std::string message = "weft: watching descriptor " + std::to_string(fd);
  throw std::system_error(error, std::generic_category(), message.c_str());
}

}  // namespace detail

inline bool poll_poller::watch(int fd, interest what) {
  short events = 0;
  if (detail::wants(what, interest::read)) events = static_cast<short>(events | POLLIN);
  if (detail::wants(what, interest::write)) events = static_cast<short>(events | POLLOUT);
  for (std::size_t i = 0; i < fds_.size(); ++i) {
    if (fds_[i].fd != fd) continue;
    fds_[i].events = events;
    return false;
  }
  detail::check_is_open(fd);  // poll(2) would say each time that it is ready
  fds_.push_back({fd, events, 0});
  return true;
}

inline bool poll_poller::forget(int fd) noexcept {
  for (std::size_t i = 0; i < fds_.size(); ++i) {
    if (fds_[i].fd != fd) continue;
    fds_.erase(fds_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

inline void poll_poller::wait(duration timeout, std::vector<ready_event>& out) {
  const int ready = ::poll(fds_.data(), static_cast<nfds_t>(fds_.size()), detail::poll_milliseconds(timeout));
  if (ready < 0) {
    if (errno == EINTR) return;
    throw std::system_error(errno, std::generic_category(), "weft: poll");
  }
  for (std::size_t i = 0; i < fds_.size(); ++i) {
    const short seen = fds_[i].revents;
    if (seen == 0) continue;
    const bool broken = (seen & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    out.push_back({fds_[i].fd, broken ? interest::both : detail::merge((seen & POLLIN) != 0, (seen & POLLOUT) != 0)});
  }
}

#if defined(__linux__)
inline epoll_poller::epoll_poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "weft: epoll_create1");
}

inline bool epoll_poller::watch(int fd, interest what) {
  epoll_event event{};
  if (detail::wants(what, interest::read)) event.events |= EPOLLIN;
  if (detail::wants(what, interest::write)) event.events |= EPOLLOUT;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return true;
  if (errno == EEXIST && ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return false;
  const int error = errno;
  const std::string message = "weft: epoll_ctl, descriptor " + std::to_string(fd);
  throw std::system_error(error, std::generic_category(), message.c_str());  // a char*, as in the others: compiled once
}

inline bool epoll_poller::forget(int fd) noexcept { return ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0; }

inline void epoll_poller::wait(duration timeout, std::vector<ready_event>& out) {
  const int ready = wait_for_events(timeout);
  if (ready < 0) {
    if (errno == EINTR) return;
    throw std::system_error(errno, std::generic_category(), "weft: epoll_wait");
  }
  for (int i = 0; i < ready; ++i) {
    // What is neither, an error or a hang-up, concerns both sides.
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    const bool read = (event.events & ~static_cast<unsigned>(EPOLLOUT)) != 0;
    const bool write = (event.events & ~static_cast<unsigned>(EPOLLIN)) != 0;
    out.push_back({event.data.fd, detail::merge(read, write)});
  }
}

inline int epoll_poller::wait_for_events(duration timeout) {
  const int capacity = static_cast<int>(events_.size());
#if defined(SYS_epoll_pwait2)
  if (has_nanoseconds_ && timeout != duration::max() && timeout != duration::zero()) {
    // The kernel's own layout, whatever the width of this platform's timespec.
    struct {
      std::int64_t seconds;
      std::int64_t nanoseconds;
    } limit{timeout.count() / 1'000'000'000, timeout.count() % 1'000'000'000};
    const long ready = ::syscall(SYS_epoll_pwait2, epoll_.get(), events_.data(), capacity, &limit, nullptr, 0);
    if (ready >= 0 || errno == EINTR) return static_cast<int>(ready);
    has_nanoseconds_ = false;  // an older kernel, or a sandbox that does not know the call
  }
#endif
  return ::epoll_wait(epoll_.get(), events_.data(), capacity, detail::poll_milliseconds(timeout));
}
#endif

}  // namespace weft
