// How a task waits until a datagram can be received or sent: the awaiters of datagram_socket.
// SPDX-License-Identifier: MIT
//
// An operation tries the system call first, and watches the descriptor only if that would block. The call is made again
// in the step of the task that waits, not before it as in asyncio: so a datagram for a task that is cancelled on its
// way stays in the kernel, for the next one who asks.
//
//     co_await weft::datagram_receive_awaiter(descriptor, buffer);     // datagram_socket::receive_from()
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/socket_address.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace weft {

class datagram_wait;

/// A socket's descriptor, and the tasks that wait for its two sides; it may be moved meanwhile. close() ends their
/// waits with std::system_error (operation_canceled). The destructor forgets them: they wait until they are cancelled,
/// as the tasks that are left when the main task ends, and the sockets with it.
class datagram_descriptor {
 public:
  datagram_descriptor() noexcept = default;
  explicit datagram_descriptor(detail::unique_fd fd) noexcept : fd_(std::move(fd)) {}
  datagram_descriptor(datagram_descriptor&& other) noexcept { take(other); }
  datagram_descriptor& operator=(datagram_descriptor&& other) noexcept {
    if (this != &other) {
      close();
      take(other);
    }
    return *this;
  }
  ~datagram_descriptor();

  void close() noexcept;

  /// -1 if it is closed.
  int get() const noexcept { return fd_.get(); }

  /// Who waits for that side; null if nobody does.
  datagram_wait*& waiting(interest side) noexcept { return side == interest::read ? receiver_ : sender_; }

 private:
  void take(datagram_descriptor& other) noexcept;

  detail::unique_fd fd_;
  datagram_wait* receiver_ = nullptr;
  datagram_wait* sender_ = nullptr;
};

/// What receive_from() gives.
class datagram {
 public:
  datagram() noexcept = default;
  datagram(std::size_t n, const socket_address& sender, bool cut) noexcept : size(n), from(sender), truncated(cut) {}

  std::size_t size = 0;    // bytes in the buffer; a datagram may be empty
  socket_address from;     // a unix socket without a name has none
  bool truncated = false;  // it was longer than the buffer; the rest is lost
};

/// A system call that is made again when the descriptor is ready; the base of both awaiters.
class datagram_wait : public timer, public waitable {
 public:
  datagram_wait(const datagram_wait&) = delete;
  datagram_wait& operator=(const datagram_wait&) = delete;

  /// Throws usage_error if another task waits for this side, invalid_state_error if it was awaited before and its
  /// socket closed meanwhile.
  bool await_ready();
  void await_suspend(task_state& waiting);
  void await_cancelled() noexcept { stop(); }

  inline bool cancel(cancel_walk&) noexcept override;
  inline bool waits_again(bool cancelled) noexcept override;
  inline void run() override;

  /// The descriptor has moved; is about to be closed; goes.
  void follow(datagram_descriptor& moved) noexcept { descriptor_ = &moved; }
  void give_up() noexcept;
  void forget() noexcept;

 protected:
  datagram_wait(datagram_descriptor& d, interest side) noexcept : descriptor_(&d), side_(side) {}
  /// Before it is awaited it may move.
  datagram_wait(datagram_wait&& unstarted) noexcept
      : timer(), waitable(), descriptor_(unstarted.descriptor_), side_(unstarted.side_) {}
  ~datagram_wait() { stop(); }

  /// The system call.
  virtual ssize_t call(int fd) noexcept = 0;

  /// What the call has returned. Throws what it failed with, and names the socket's peer, or `peer` if it is known.
  std::size_t result(const char* doing, const socket_address& peer) const;

 private:
  bool would_block() noexcept;
  void pause() noexcept;
  void stop() noexcept;

  datagram_descriptor* descriptor_;  // null: it was closed, or has gone
  task_state* task_ = nullptr;       // while it waits
  ssize_t result_ = 0;
  int error_ = 0;
  interest side_;
  bool woken_ = false;
  bool paused_ = false;  // the timer is to wake it, not the descriptor
};

class [[nodiscard(
    "weft: nothing is received until this is awaited: write co_await s.receive_from(...)")]] datagram_receive_awaiter
    final : public datagram_wait {
 public:
  static constexpr bool ends_by_destruction = true;

  datagram_receive_awaiter(datagram_descriptor& d, std::span<std::byte> buffer) noexcept
      : datagram_wait(d, interest::read), buffer_(buffer) {}

  datagram await_resume() const {
    const std::size_t size = result("receiving", socket_address());
    return datagram(size, from_, truncated_);
  }
  std::string describe() const override { return "a datagram"; }

 private:
  inline ssize_t call(int fd) noexcept override;

  std::span<std::byte> buffer_;
  socket_address from_;
  bool truncated_ = false;
};

class [[nodiscard(
    "weft: nothing is sent until this is awaited: write co_await s.send_to(...)")]] datagram_send_awaiter final
    : public datagram_wait {
 public:
  static constexpr bool ends_by_destruction = true;

  /// No address: to the peer that it is connected to.
  datagram_send_awaiter(datagram_descriptor& d, std::span<const std::byte> bytes, const socket_address& to) noexcept
      : datagram_wait(d, interest::write), bytes_(bytes), to_(to) {}

  void await_resume() const { result("sending", to_); }
  std::string describe() const override { return "room for a datagram"; }

 private:
  inline ssize_t call(int fd) noexcept override;

  std::span<const std::byte> bytes_;
  socket_address to_;
};

// ---- details ----

inline datagram_descriptor::~datagram_descriptor() {
  if (receiver_ != nullptr) receiver_->forget();
  if (sender_ != nullptr) sender_->forget();
}

inline void datagram_descriptor::close() noexcept {
  if (receiver_ != nullptr) receiver_->give_up();
  if (sender_ != nullptr) sender_->give_up();
  fd_.reset();
}

inline void datagram_descriptor::take(datagram_descriptor& other) noexcept {
  fd_ = std::move(other.fd_);
  receiver_ = std::exchange(other.receiver_, nullptr);
  sender_ = std::exchange(other.sender_, nullptr);
  if (receiver_ != nullptr) receiver_->follow(*this);
  if (sender_ != nullptr) sender_->follow(*this);
}

inline bool datagram_wait::await_ready() {
  if (descriptor_ == nullptr) {
    throw invalid_state_error("weft: this was awaited before, and its socket was closed meanwhile: make a new one");
  }
  if (descriptor_->waiting(side_) != nullptr) {
    throw usage_error(
        "weft: another task waits at this socket already: let one task receive and one send, or guard it by a mutex");
  }
  return !would_block();
}

inline void datagram_wait::await_suspend(task_state& waiting) {
  event_loop& loop = waiting.loop();
  if (loop.is_watched(descriptor_->get(), side_)) {
    throw usage_error("weft: somebody else watches the descriptor of this socket already");
  }
  loop.watch(descriptor_->get(), side_, *this);
  task_ = &waiting;
  descriptor_->waiting(side_) = this;
  waiting.wait_on_repeatedly(*this);
}

inline bool datagram_wait::would_block() noexcept {
  do {
    result_ = call(descriptor_->get());
    error_ = result_ < 0 ? errno : 0;
  } while (error_ == EINTR);
  return error_ == EAGAIN || error_ == EWOULDBLOCK;
}

// It is watched until its task has been there, so this may be called more than once.
inline void datagram_wait::run() {
  if (!std::exchange(woken_, true)) task_->wake();
}

inline bool datagram_wait::waits_again(bool cancelled) noexcept {
  if (cancelled) return false;
  if (descriptor_ == nullptr) {
    woken_ = false;
    return task_ != nullptr;  // it was forgotten, not closed
  }
  if (would_block()) {
    woken_ = false;
    if (side_ == interest::write) pause();
    return true;
  }
  stop();
  return false;
}

// A unix socket that is not connected is said to be ready even if the receiver has no room: watching it would keep the
// loop busy until it has.
inline void datagram_wait::pause() noexcept {
  event_loop& loop = task_->loop();
  if (!std::exchange(paused_, true)) loop.unwatch(descriptor_->get(), side_);
  try {
    loop.arm(*this, loop.time() + std::chrono::milliseconds(1));
  } catch (...) {
    loop.schedule(*this);  // needs no memory
  }
}

inline void datagram_wait::stop() noexcept {
  if (task_ == nullptr) return;
  if (descriptor_ != nullptr) {
    event_loop& loop = task_->loop();
    if (!paused_) loop.unwatch(descriptor_->get(), side_);
    loop.disarm(*this);
    descriptor_->waiting(side_) = nullptr;
  }
  task_ = nullptr;
  woken_ = false;
  paused_ = false;
}

inline bool datagram_wait::cancel(cancel_walk&) noexcept {
  if (task_ == nullptr || woken_) return false;
  task_state& task = *task_;
  stop();
  task.wake_cancelled();
  return true;
}

inline void datagram_wait::give_up() noexcept {
  task_state& task = *task_;
  const bool was_woken = woken_;
  stop();
  descriptor_ = nullptr;
  result_ = -1;
  error_ = ECANCELED;
  if (!was_woken) task.wake();
}

inline void datagram_wait::forget() noexcept {
  task_state* const task = task_;
  const bool was_woken = woken_;
  stop();
  descriptor_ = nullptr;
  task_ = task;
  woken_ = was_woken;
}

inline std::size_t datagram_wait::result(const char* doing, const socket_address& peer) const {
  if (result_ >= 0) return static_cast<std::size_t>(result_);
  std::string what = std::string("weft: ") + doing + " a datagram";
  socket_address other = peer;
  if (other.size() == 0 && descriptor_ != nullptr) {
    socklen_t length = socket_address::capacity();
    if (::getpeername(descriptor_->get(), other.data(), &length) == 0) other.resize(length);
  }
  if (other.size() != 0) what += (side_ == interest::read ? " from " : " to ") + other.to_string();
  if (descriptor_ == nullptr) what += ": the socket was closed meanwhile";
  throw std::system_error(error_, std::generic_category(), what);
}

inline ssize_t datagram_receive_awaiter::call(int fd) noexcept {
  iovec all{buffer_.data(), buffer_.size()};
  msghdr message{};
  message.msg_name = from_.data();
  message.msg_namelen = socket_address::capacity();
  message.msg_iov = &all;
  message.msg_iovlen = 1;
  const ssize_t size = ::recvmsg(fd, &message, 0);
  if (size < 0) return size;
  from_.resize(message.msg_namelen);
  truncated_ = (message.msg_flags & MSG_TRUNC) != 0;
  return size;
}

inline ssize_t datagram_send_awaiter::call(int fd) noexcept {
#if defined(MSG_NOSIGNAL)
  const int flags = MSG_NOSIGNAL;
#else
  const int flags = 0;
#endif
  return ::sendto(fd, bytes_.data(), bytes_.size(), flags, to_.size() != 0 ? to_.data() : nullptr, to_.size());
}

static_assert(awaiter<datagram_receive_awaiter> && awaiter<datagram_send_awaiter>);

}  // namespace weft
