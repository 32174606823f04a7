// Connects to a TCP or unix server and gives a stream (asyncio.open_connection).
// SPDX-License-Identifier: MIT
//
// A name can have several addresses, of which some do not answer. They are tried one after the other, as asyncio does,
// or, with a happy_eyeballs_delay, each as soon as the one before has failed or taken that long (RFC 8305); the first
// connection wins.
//
//     const weft::connection_options options{.happy_eyeballs_delay = 250ms};
//     auto [reader, writer] = co_await weft::open_connection("example.org", 80, options);
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/flow/race.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/resolve.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/io/stream.hpp>
#include <weft/io/wait_readable.hpp>
#include <weft/sync/event.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/wait_for.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace weft {

struct connection_options {
  std::size_t limit = default_stream_limit;          ///< of the reader, in bytes
  duration happy_eyeballs_delay = duration::zero();  ///< zero: one address after the other
  int family = AF_UNSPEC;                            ///< AF_INET or AF_INET6: only such addresses
  socket_address local = {};                         ///< where the connection comes from, if that matters
  bool no_delay = true;                              ///< TCP_NODELAY
  bool keep_alive = false;                           ///< SO_KEEPALIVE
};

/// Connects. Throws at once: std::out_of_range for a port above 65535. Throws when awaited: what resolve() does for an
/// unknown host; std::system_error that names the addresses, with the code of the first, if none can be reached;
/// std::invalid_argument for a limit of 0 or less. Cancelled: no connection is left. Mirrors asyncio.open_connection().
template <class = detail::only_if_used>
task<stream> open_connection(std::string host, unsigned port, connection_options options = {});

/// The same to one address.
template <class = detail::only_if_used>
task<stream> open_connection(socket_address address, connection_options options = {});

/// The same to a unix socket, whose path on Linux may begin with a NUL. std::length_error, std::invalid_argument at
/// once for what cannot be a path. Mirrors asyncio.open_unix_connection().
template <class = detail::only_if_used>
task<stream> open_unix_connection(std::string path, connection_options options = {});

/// Owns a descriptor: closes it at its end, unless release() has given it away.
using detail::unique_fd;

/// A connected socket, for those who want no stream: non-blocking, CLOEXEC. Throws std::system_error that names the
/// address. Cancelled: no socket is left. Mirrors loop.sock_connect(), and makes the socket, too.
template <class = detail::only_if_used>
task<unique_fd> connect_socket(socket_address address, connection_options options = {});

// ---- details ----

namespace detail {

inline void set_socket_option(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof value) == 0) return;
  throw std::system_error(errno, std::generic_category(), std::string("weft: setting ") + what + " of a socket");
}

inline unique_fd make_socket(int family, int type) {
#if defined(SOCK_CLOEXEC)
  unique_fd fd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
#else
  unique_fd fd(::socket(family, type, 0));
  if (fd) {
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    set_non_blocking(fd.get(), "a socket");
  }
#endif
  if (!fd) throw std::system_error(errno, std::generic_category(), "weft: socket");
  return fd;
}

/// What a connect() in the background has come to.
inline int socket_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

inline bool is_tcp(int family) noexcept { return family == AF_INET || family == AF_INET6; }

/// Why the addresses of a host could not be reached, in their order.
class connect_failures {
 public:
  void add(std::size_t place, const socket_address& address, std::exception_ptr error, std::error_code code) {
    failures_.insert_or_assign(place, failure{address, std::move(error), code});
  }
  std::size_t size() const noexcept { return failures_.size(); }

  /// One error: that of the first, and in words all of them.
  [[noreturn]] void raise() const {
    if (failures_.empty()) throw std::system_error(EADDRNOTAVAIL, std::generic_category(), "weft: no address");
    const failure& first = failures_.begin()->second;
    if (failures_.size() == 1) std::rethrow_exception(first.error);
    std::string what = "weft: connecting to " + first.address.to_string();
    const char* before = " (and to ";
    for (auto next = std::next(failures_.begin()); next != failures_.end(); ++next) {
      what += before + next->second.address.to_string() + ": " + next->second.code.message();
      before = ", to ";
    }
    throw std::system_error(first.code, what + ")");
  }

 private:
  struct failure {
    socket_address address;
    std::exception_ptr error;
    std::error_code code;
  };

  std::map<std::size_t, failure> failures_;
};

/// A connection and with whom it is. The socket itself says so only as long as the peer does not reset it.
class connected_socket {
 public:
  connected_socket() = default;
  connected_socket(unique_fd socket, const socket_address& address) noexcept : fd(std::move(socket)), peer(address) {}

  unique_fd fd;
  socket_address peer;
};

/// Tries addresses, each when the one before has failed or taken too long; all of this for one open_connection().
class staggered_connect {
 public:
  staggered_connect(std::vector<socket_address> addresses, const connection_options& options)
      : addresses_(std::move(addresses)), options_(options), started_(addresses_.size()), failed_(addresses_.size()) {}

  template <class = detail::only_if_used>
  task<connected_socket> connect() {
    std::vector<task<connected_socket>> racers;
    for (std::size_t i = 0; i < addresses_.size(); ++i) racers.push_back(attempt(i));
    auto winner = co_await race(std::move(racers));
    if (!winner.value.fd) failures_.raise();
    co_return std::move(winner.value);
  }

 private:
  template <class = detail::only_if_used>
  task<connected_socket> attempt(std::size_t i) {
    const socket_address address = addresses_[i];
    if (i > 0) {
      co_await started_[i - 1].wait();
      // A generic lambda, so that wait_for() is compiled only where this is: see only_if_used.
      const auto wait_for_end = [&](auto& failed) { return wait_for(failed.wait(), options_.happy_eyeballs_delay); };
      try {
        co_await wait_for_end(failed_[i - 1]);
      } catch (const timeout_error&) {
        // It may still succeed; this one runs beside it.
      }
    }
    started_[i].set();
    try {
      unique_fd fd = co_await connect_socket(address, options_);
      co_return connected_socket(std::move(fd), address);
    } catch (const std::system_error& e) {
      failures_.add(i, address, std::current_exception(), e.code());
    }
    failed_[i].set();
    if (failures_.size() < addresses_.size()) co_await never_.wait();  // for another one to win
    co_return connected_socket();
  }

  std::vector<socket_address> addresses_;
  const connection_options& options_;
  std::deque<event> started_;
  std::deque<event> failed_;
  event never_;
  connect_failures failures_;
};

template <class = detail::only_if_used>
task<connected_socket> connect_in_turn(std::vector<socket_address> addresses, connection_options options) {
  connect_failures failures;
  for (const socket_address& address : addresses) {
    try {
      unique_fd fd = co_await connect_socket(address, options);
      co_return connected_socket(std::move(fd), address);
    } catch (const std::system_error& e) {
      failures.add(failures.size(), address, std::current_exception(), e.code());
    }
  }
  failures.raise();
}

template <class = detail::only_if_used>
task<stream> connect_to_host(task<std::vector<socket_address>> lookup, connection_options options) {
  check_stream_limit(options.limit);
  std::vector<socket_address> addresses = co_await std::move(lookup);
  connected_socket connected;
  if (options.happy_eyeballs_delay > duration::zero() && addresses.size() > 1) {
    staggered_connect attempts(interleave_families(std::move(addresses)), options);
    connected = co_await attempts.connect();
  } else {
    connected = co_await connect_in_turn(std::move(addresses), options);
  }
  co_return stream(descriptor_transport::over_socket(event_loop::current(), std::move(connected.fd),
                                                     connected.peer.to_string(), options.limit));
}

template <class = detail::only_if_used>
task<stream> connect_to_address(socket_address address, connection_options options) {
  check_stream_limit(options.limit);
  unique_fd fd = co_await connect_socket(address, options);
  co_return stream(
      descriptor_transport::over_socket(event_loop::current(), std::move(fd), address.to_string(), options.limit));
}

}  // namespace detail

template <class>
task<unique_fd> connect_socket(socket_address address, connection_options options) {
  const auto fail = [&](int error) {
    throw std::system_error(error, std::generic_category(), "weft: connecting to " + address.to_string());
  };
  detail::unique_fd fd = detail::make_socket(address.family(), SOCK_STREAM);
  if (detail::is_tcp(address.family()) && options.no_delay) {
    detail::set_socket_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  }
  if (options.keep_alive) detail::set_socket_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE");
  if (options.local.size() > 0 && ::bind(fd.get(), options.local.data(), options.local.size()) != 0) {
    const int error = errno;
    throw std::system_error(error, std::generic_category(), "weft: binding to " + options.local.to_string());
  }
  while (::connect(fd.get(), address.data(), address.size()) != 0) {
    const int error = errno;
    if (error == EAGAIN && address.family() == AF_UNIX) {  // its backlog is full, and nothing tells when it is not
      co_await sleep_for(std::chrono::milliseconds(10));
      continue;
    }
    if (error != EINPROGRESS && error != EINTR) fail(error);
    co_await wait_writable(fd.get());
    if (const int late = detail::socket_error(fd.get()); late != 0) fail(late);
    break;
  }
  co_return fd;
}

template <class>
task<stream> open_connection(std::string host, unsigned port, connection_options options) {
  return detail::connect_to_host(resolve(std::move(host), port, resolve_options().family(options.family)), options);
}

template <class>
task<stream> open_connection(socket_address address, connection_options options) {
  return detail::connect_to_address(address, options);
}

template <class>
task<stream> open_unix_connection(std::string path, connection_options options) {
  return detail::connect_to_address(socket_address::unix_path(path), options);
}

}  // namespace weft
