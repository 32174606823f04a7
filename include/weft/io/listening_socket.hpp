// A socket that listens: accepts connections and hands them on.
// SPDX-License-Identifier: MIT
//
// accept() fails for reasons of very different kinds. A peer that has given up is nobody's business: the next one is
// accepted. When descriptors or memory run out the connection stays in the queue and the socket stays ready, so that
// whoever just tries again spins; asyncio says so once, looks away for a second and tries again, and so does this, also
// for errors that are not expected here at all.
//
//     weft::listening_socket socket(loop, acceptor, std::move(fd));  // bound
//     socket.start(100);
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/socket_address.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace weft {

/// Who gets the connections.
class connection_acceptor {
 public:
  connection_acceptor() = default;
  connection_acceptor(const connection_acceptor&) = delete;
  connection_acceptor& operator=(const connection_acceptor&) = delete;

  /// A connection, non-blocking and CLOEXEC. May stop the socket.
  virtual void take(detail::unique_fd fd, const socket_address& peer) noexcept = 0;

  /// Keeps the acceptor and its sockets while connections are handed over.
  virtual std::shared_ptr<const void> keep() = 0;

 protected:
  ~connection_acceptor() = default;
};

/// It stays where it is, and belongs to its loop's thread.
class listening_socket final : public timer {
 public:
  /// How long it looks away when nothing can be accepted.
  static constexpr duration pause_time = std::chrono::seconds(1);

  /// Of a socket that is bound, and non-blocking.
  listening_socket(event_loop& loop, connection_acceptor& acceptor, detail::unique_fd fd) noexcept
      : loop_(&loop), acceptor_(&acceptor), fd_(std::move(fd)) {}
  listening_socket(const listening_socket&) = delete;
  listening_socket& operator=(const listening_socket&) = delete;
  ~listening_socket() { stop(); }

  /// -1 when it was stopped.
  int descriptor() const noexcept { return fd_.get(); }

  /// Listens and accepts from now on, in each pass at most as many as the backlog. Throws std::system_error: it can be
  /// started again.
  void start(int backlog);

  /// Accepts no more until it is started again.
  void rest() noexcept;

  /// Closes it for good.
  void stop() noexcept;

  /// The file of a unix socket, removed when it stops if it is still the same. Throws std::system_error: it is removed.
  void owns_path(std::string path);

  inline void run() override;

 private:
  void accept_some();
  void pause(int error);

  event_loop* loop_;
  connection_acceptor* acceptor_;
  detail::unique_fd fd_;
  std::string path_;
  struct stat made_ {};
  int at_once_ = 1;  // in one pass
  bool paused_ = false;
};

// ---- details ----

namespace detail {

/// The next connection; empty, with errno, if there is none.
inline unique_fd accept_connection(int fd, socket_address& peer) noexcept {
  socklen_t size = socket_address::capacity();
#if defined(SOCK_CLOEXEC)
  unique_fd accepted(::accept4(fd, peer.data(), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
#else
  unique_fd accepted(::accept(fd, peer.data(), &size));
  if (accepted) {
    ::fcntl(accepted.get(), F_SETFD, FD_CLOEXEC);
    ::fcntl(accepted.get(), F_SETFL, O_NONBLOCK);
  }
#endif
  if (accepted) peer.resize(size);
  return accepted;
}

/// The peer has given up, or the network between has: the next connection may do better. Linux hands on what has
/// happened to the connection already.
inline bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
      return true;
    default:
      return false;
  }
}

inline bool is_want_of_resources(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace detail

inline void listening_socket::start(int backlog) {
  if (::listen(fd_.get(), backlog) != 0) {
    const int error = errno;
    throw std::system_error(error, std::generic_category(),
                            "weft: listening at " + local_address(fd_.get()).to_string());
  }
  at_once_ = std::max(backlog, 1);  // none at all would leave it ready, and the loop spinning
  loop_->watch(fd_.get(), interest::read, *this);
}

inline void listening_socket::rest() noexcept {
  if (!fd_) return;
  loop_->unwatch(fd_.get(), interest::read);
  loop_->disarm(*this);
  paused_ = false;
}

inline void listening_socket::stop() noexcept {
  if (!fd_) return;
  rest();
  // While it is bound nobody else can have a file of the same number.
  struct stat now {};
  if (!path_.empty() && ::stat(path_.c_str(), &now) == 0 && now.st_ino == made_.st_ino && now.st_dev == made_.st_dev) {
    ::unlink(path_.c_str());
  }
  fd_.reset();
}

inline void listening_socket::owns_path(std::string path) {
  if (::stat(path.c_str(), &made_) != 0) {
    const int error = errno;
    if (error == ENOENT) return;
    ::unlink(path.c_str());
    throw std::system_error(error, std::generic_category(), "weft: looking at the socket " + path);
  }
  path_ = std::move(path);
}

inline void listening_socket::run() {
  if (!std::exchange(paused_, false)) return accept_some();
  int error = 0;
  try {
    loop_->watch(fd_.get(), interest::read, *this);
  } catch (const std::system_error& e) {
    error = e.code().value();
  } catch (...) {
    error = ENOMEM;
  }
  if (error != 0) pause(error);
}

inline void listening_socket::accept_some() {
  const std::shared_ptr<const void> kept = acceptor_->keep();
  for (int i = 0; i < at_once_ && fd_; ++i) {
    socket_address peer;
    detail::unique_fd fd = detail::accept_connection(fd_.get(), peer);
    if (fd) {
      acceptor_->take(std::move(fd), peer);
      continue;
    }
    const int error = errno;
    if (error == EAGAIN || error == EWOULDBLOCK) return;
    if (!detail::concerns_one_connection(error)) return pause(error);
  }
}

inline void listening_socket::pause(int error) {
  loop_->arm(*this, loop_->time() + pause_time);
  loop_->unwatch(fd_.get(), interest::read);
  paused_ = true;
  const char* const what = detail::is_want_of_resources(error)
                               ? "A server is out of system resources and accepts again in a second"
                               : "A server could not accept a connection and tries again in a second";
  loop_->call_exception_handler(exception_context::compose(
      what, std::make_exception_ptr(std::system_error(error, std::generic_category(), "weft: accept"))));
}

}  // namespace weft
