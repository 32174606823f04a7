// Serves TCP and unix sockets: a task for each connection (asyncio.start_server).
// SPDX-License-Identifier: MIT
//
// The handler is called with a stream_reader and a stream_writer, or with the stream. What it throws goes to the loop's
// exception handler, and its connection is closed when it ends. A server that cannot accept for want of descriptors or
// memory says so there, waits a second and goes on, instead of spinning on a socket that stays ready.
//
//     weft::task<> echo(weft::stream_reader reader, weft::stream_writer writer) {
//       while (true) {
//         const std::string data = co_await reader.read(4096);
//         if (data.empty()) break;
//         co_await writer.write(data);
//       }
//     }
//     weft::server server = co_await weft::start_server(echo, "127.0.0.1", 8888);
//     co_await server.serve_forever();
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/safe_argument.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/intrusive_list.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/resolve.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/io/stream.hpp>
#include <weft/io/stream_transport.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

struct server_options {
  std::size_t limit = default_stream_limit;  ///< of the readers, in bytes
  int family = AF_UNSPEC;                    ///< AF_INET or AF_INET6: only such addresses
  int backlog = 100;                         ///< connections that wait to be accepted
  bool reuse_address = true;                 ///< SO_REUSEADDR
  bool reuse_port = false;                   ///< SO_REUSEPORT: several processes serve the same port
  bool no_delay = true;                      ///< TCP_NODELAY of the connections
  bool keep_alive = false;                   ///< SO_KEEPALIVE of the connections
  bool start_serving = true;                 ///< else start_serving() or serve_forever() does
};

/// What can handle a connection.
template <class F>
concept connection_handler = std::invocable<F&, stream_reader, stream_writer> || std::invocable<F&, stream>;

class server_core;
class server_closed_awaiter;

/// A server that listens. Movable; who lets it go closes it, and the connections that are open go on.
class [[nodiscard("weft: a server that nobody keeps is closed at once")]] server {
 public:
  explicit server(std::shared_ptr<server_core> core) noexcept : core_(std::move(core)) {}
  server(server&&) noexcept = default;
  server& operator=(server&& other) noexcept;
  ~server();

  /// Where it listens; with port 0 this tells which one it got. Empty when it is closed. Mirrors Server.sockets.
  std::vector<socket_address> addresses() const;
  /// Its sockets, which it owns.
  std::vector<int> descriptors() const;

  /// Accepts from now on. usage_error if it is closed. std::system_error.
  void start_serving();
  bool is_serving() const noexcept;

  /// Accepts until it is cancelled or closed, then closes, waits for the connections and throws cancelled_error.
  /// usage_error if it is closed, or if another task does the same. Mirrors Server.serve_forever().
  task<> serve_forever();

  /// Stops to listen; connections go on. Closing twice does nothing.
  void close() noexcept;
  /// Closes the connections in good order, or at once.
  void close_clients() noexcept;
  void abort_clients() noexcept;

  /// Waits until it is closed and has no connections any more. Cancelled: nothing has changed.
  server_closed_awaiter wait_closed();

 private:
  std::shared_ptr<server_core> core_;
};

/// Listens at all addresses of a host: an empty one means all interfaces. The handler is kept until the last connection
/// has gone. Throws at once: std::out_of_range for a port. Throws when awaited: what resolve() does; std::system_error
/// with the address that cannot be bound. Cancelled: nothing listens. Mirrors asyncio.start_server().
template <class F>
  requires connection_handler<std::decay_t<F>>
task<server> start_server(F&& handler, std::string host, unsigned port, server_options options = {});

/// The same at a unix socket. A socket that is left there from a former process is removed, and the one that this
/// server makes is when it is closed. Mirrors asyncio.start_unix_server().
template <class F>
  requires connection_handler<std::decay_t<F>>
task<server> start_unix_server(F&& handler, std::string path, server_options options = {});

// ---- details ----

/// One listening socket.
class listening_socket final : public timer {
 public:
  listening_socket(server_core& core, detail::unique_fd fd) noexcept : core_(&core), fd_(std::move(fd)) {}
  listening_socket(const listening_socket&) = delete;
  listening_socket& operator=(const listening_socket&) = delete;
  ~listening_socket();

  int descriptor() const noexcept { return fd_.get(); }
  void start(int backlog);
  void stop() noexcept;

  /// Removed when it stops, if it is still the same.
  void owns_path(std::string path);

  void run() override;

 private:
  void accept_some();
  void pause(int error);

  server_core* core_;
  detail::unique_fd fd_;
  std::string path_;
  struct stat made_ {};
  bool paused_ = false;
};

/// The part of a server that its connections share.
class server_core : public tenant, public stream_group, public std::enable_shared_from_this<server_core> {
 public:
  ~server_core() override { stop(); }

  event_loop& loop() const noexcept { return *loop_; }
  const server_options& options() const noexcept { return options_; }

  void listen_at(const std::vector<socket_address>& addresses);
  void listen_at_path(const std::string& path);

  void start();
  void stop() noexcept;
  bool is_serving() const noexcept { return serving_; }
  bool is_closed() const noexcept { return closed_; }
  const std::vector<std::unique_ptr<listening_socket>>& sockets() const noexcept { return sockets_; }

  /// A connection that was accepted.
  void take(detail::unique_fd fd, const socket_address& peer);
  void stream_closed() noexcept final {
    if (closed_ && clients_.empty()) closers_.wake_all();
  }
  bool gone() const noexcept { return closed_ && clients_.empty(); }
  template <class Fn>
  void for_each_client(Fn&& fn) {
    // Closing takes nobody out of the list before the next pass.
    clients_.for_each(fn);
  }

  wait_list& closers() noexcept { return closers_; }
  task<> serve_forever();

  void run() final {}
  void abandon() noexcept final {
    stop();
    loop_ = nullptr;
  }
  std::string report() const final { return {}; }

 protected:
  server_core(event_loop& loop, const server_options& options) : loop_(&loop), options_(options) {}

  /// Starts the handler's task, or calls the handler.
  virtual void handle(stream&& connection) = 0;

 private:
  void bind_to(const socket_address& address, detail::unique_fd& fd) const;

  event_loop* loop_;
  server_options options_;
  std::vector<std::unique_ptr<listening_socket>> sockets_;
  detail::intrusive_list<stream_transport, stream_group> clients_;
  wait_list closers_;
  wait_list servers_;  // who serves for ever
  bool serving_ = false;
  bool closed_ = false;
};

template <class F>
class server_core_of final : public server_core {
 public:
  template <class G>
  server_core_of(event_loop& loop, const server_options& options, G&& handler)
      : server_core(loop, options), handler_(std::forward<G>(handler)) {}

 private:
  static constexpr bool takes_both = std::invocable<F&, stream_reader, stream_writer>;

  decltype(auto) call(stream&& connection) {
    if constexpr (takes_both) {
      return handler_(std::move(connection.reader), std::move(connection.writer));
    } else {
      return handler_(std::move(connection));
    }
  }

  // Keeps the handler, whose captures its coroutine may use.
  static task<> serve(std::shared_ptr<server_core> core, stream connection) {
    auto& self = static_cast<server_core_of&>(*core);
    try {
      co_await self.call(std::move(connection));
    } catch (const cancelled_error&) {
      throw;
    } catch (...) {
      self.loop().call_exception_handler(
          exception_context::compose("Unhandled exception in a server's connection handler", std::current_exception()));
    }
  }

  void handle(stream&& connection) override {
    using result = decltype(call(std::move(connection)));
    if constexpr (is_task<std::remove_cvref_t<result>>) {
      loop().create_task(serve(shared_from_this(), std::move(connection)));
    } else {
      static_assert(std::is_void_v<result>, "weft: a connection handler returns a task<>, or nothing");
      call(std::move(connection));
    }
  }

  F handler_;
};

class [[nodiscard(
    "weft: wait_closed() does nothing until it is awaited: write co_await server.wait_closed()")]] server_closed_awaiter
    final : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit server_closed_awaiter(std::shared_ptr<server_core> core) noexcept : core_(std::move(core)) {}
  server_closed_awaiter(server_closed_awaiter&& unstarted) noexcept
      : wait_node(std::move(unstarted)), core_(std::move(unstarted.core_)) {}

  bool await_ready() const noexcept { return core_->gone(); }
  void await_suspend(task_state& waiting) { wait_in(core_->closers(), waiting); }
  void await_resume() noexcept { leave(); }
  void await_cancelled() noexcept { leave(); }
  std::string describe() const override { return "a server to be closed and its connections to end"; }

 private:
  std::shared_ptr<server_core> core_;
};

/// Waits until the server stops listening.
class serving_awaiter final : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit serving_awaiter(wait_list& list) noexcept : list_(&list) {}
  serving_awaiter(serving_awaiter&& unstarted) noexcept : wait_node(std::move(unstarted)), list_(unstarted.list_) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(task_state& waiting) { wait_in(*list_, waiting); }
  void await_resume() noexcept { leave(); }
  void await_cancelled() noexcept { leave(); }
  std::string describe() const override { return "a server that serves"; }

 private:
  wait_list* list_;
};

// ---- listening_socket

inline listening_socket::~listening_socket() { stop(); }

inline void listening_socket::start(int backlog) {
  if (::listen(fd_.get(), backlog) != 0) throw std::system_error(errno, std::generic_category(), "weft: listen");
  core_->loop().watch(fd_.get(), interest::read, *this);
}

inline void listening_socket::stop() noexcept {
  if (!fd_) return;
  core_->loop().unwatch(fd_.get(), interest::read);
  core_->loop().disarm(*this);
  fd_.reset();
  struct stat now {};
  if (!path_.empty() && ::stat(path_.c_str(), &now) == 0 && now.st_ino == made_.st_ino && now.st_dev == made_.st_dev) {
    ::unlink(path_.c_str());
  }
}

inline void listening_socket::owns_path(std::string path) {
  if (::stat(path.c_str(), &made_) == 0) path_ = std::move(path);
}

inline void listening_socket::run() {
  if (std::exchange(paused_, false)) {
    core_->loop().watch(fd_.get(), interest::read, *this);
    return;
  }
  accept_some();
}

inline void listening_socket::accept_some() {
  const std::shared_ptr<server_core> alive = core_->shared_from_this();
  for (int i = 0; i < core_->options().backlog && fd_; ++i) {
    socket_address peer;
    socklen_t size = socket_address::capacity();
#if defined(SOCK_CLOEXEC)
    detail::unique_fd fd(::accept4(fd_.get(), peer.data(), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
#else
    detail::unique_fd fd(::accept(fd_.get(), peer.data(), &size));
    if (fd) ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC), ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
#endif
    if (!fd) {
      const int error = errno;
      if (error == EAGAIN || error == EWOULDBLOCK) return;
      // The peer has given up, or the network has: the next one may do better.
      if (error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN || error == EHOSTUNREACH) {
        continue;
      }
      if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) return pause(error);
      throw std::system_error(error, std::generic_category(), "weft: accept");
    }
    peer.resize(size);
    core_->take(std::move(fd), peer);
  }
}

inline void listening_socket::pause(int error) {
  event_loop& loop = core_->loop();
  loop.unwatch(fd_.get(), interest::read);
  paused_ = true;
  loop.arm(*this, loop.time() + std::chrono::seconds(1));
  loop.call_exception_handler(exception_context::compose(
      "A server is out of system resources and accepts again in a second",
      std::make_exception_ptr(std::system_error(error, std::generic_category(), "weft: accept"))));
}

// ---- server_core

inline void server_core::bind_to(const socket_address& address, detail::unique_fd& fd) const {
  fd = detail::make_socket(address.family(), SOCK_STREAM);
  const bool tcp = detail::is_tcp(address.family());
  if (tcp && options_.reuse_address) {
    detail::set_socket_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  }
  if (tcp && options_.reuse_port) detail::set_socket_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
  if (tcp && options_.keep_alive) detail::set_socket_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE");
  if (address.family() == AF_INET6) {  // else IPv4 could not be bound beside it
    detail::set_socket_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  }
  if (::bind(fd.get(), address.data(), address.size()) != 0) {
    throw std::system_error(errno, std::generic_category(), "weft: binding to " + address.to_string());
  }
}

inline void server_core::listen_at(const std::vector<socket_address>& addresses) {
  std::exception_ptr unavailable;
  for (const socket_address& address : addresses) {
    detail::unique_fd fd;
    try {
      bind_to(address, fd);
    } catch (const std::system_error& e) {
      // A family that this machine has not got.
      if (e.code() != std::errc::address_not_available && e.code() != std::errc::address_family_not_supported) throw;
      unavailable = std::current_exception();
      continue;
    }
    sockets_.push_back(std::make_unique<listening_socket>(*this, std::move(fd)));
  }
  if (sockets_.empty() && unavailable) std::rethrow_exception(unavailable);
}

inline void server_core::listen_at_path(const std::string& path) {
  const socket_address address = socket_address::unix_path(path);
  const bool in_file_system = path.front() != '\0';
  struct stat left {};
  if (in_file_system && ::stat(path.c_str(), &left) == 0 && S_ISSOCK(left.st_mode)) ::unlink(path.c_str());
  detail::unique_fd fd;
  bind_to(address, fd);
  sockets_.push_back(std::make_unique<listening_socket>(*this, std::move(fd)));
  if (in_file_system) sockets_.back()->owns_path(path);
}

inline void server_core::start() {
  if (closed_) throw usage_error("weft: this server is closed; start another one");
  if (std::exchange(serving_, true)) return;
  for (const auto& socket : sockets_) socket->start(options_.backlog);
}

inline void server_core::stop() noexcept {
  if (std::exchange(closed_, true)) return;
  serving_ = false;
  for (const auto& socket : sockets_) socket->stop();  // they stay: one of them may be accepting just now
  servers_.wake_all();
  if (clients_.empty()) closers_.wake_all();
  loop_->leave(*this);
}

inline void server_core::take(detail::unique_fd fd, const socket_address& peer) {
  try {
    if (options_.no_delay && detail::is_tcp(peer.family())) {
      detail::set_socket_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
    }
    const auto transport =
        descriptor_transport::over_socket(*loop_, std::move(fd), peer.to_string(), options_.limit, shared_from_this());
    clients_.push_back(*transport);
    handle(stream(transport));
  } catch (...) {
    loop_->call_exception_handler(
        exception_context::compose("A server could not take a connection", std::current_exception()));
  }
}

inline task<> server_core::serve_forever() {
  const std::shared_ptr<server_core> alive = shared_from_this();
  if (servers_.anyone_waits()) throw usage_error("weft: another task is in serve_forever() of this server already");
  start();
  std::exception_ptr cancelled;
  try {
    co_await serving_awaiter(servers_);
  } catch (const cancelled_error&) {
    cancelled = std::current_exception();
  }
  stop();
  co_await server_closed_awaiter(alive);
  if (cancelled) std::rethrow_exception(cancelled);
  throw cancelled_error();
}

// ---- server

inline server& server::operator=(server&& other) noexcept {
  if (this != &other) {
    if (core_ != nullptr) core_->stop();
    core_ = std::move(other.core_);
  }
  return *this;
}
inline server::~server() {
  if (core_ != nullptr) core_->stop();
}
inline std::vector<socket_address> server::addresses() const {
  std::vector<socket_address> all;
  for (const int fd : descriptors()) all.push_back(local_address(fd));
  return all;
}
inline std::vector<int> server::descriptors() const {
  std::vector<int> all;
  for (const auto& socket : core_->sockets()) {
    if (socket->descriptor() >= 0) all.push_back(socket->descriptor());
  }
  return all;
}
inline void server::start_serving() { core_->start(); }
inline bool server::is_serving() const noexcept { return core_->is_serving(); }
inline task<> server::serve_forever() { return core_->serve_forever(); }
inline void server::close() noexcept { core_->stop(); }
inline void server::close_clients() noexcept {
  core_->for_each_client([](stream_transport& t) { t.close(); });
}
inline void server::abort_clients() noexcept {
  core_->for_each_client([](stream_transport& t) { t.abort(); });
}
inline server_closed_awaiter server::wait_closed() { return server_closed_awaiter(core_); }

namespace detail {

inline task<server> start_at_host(std::shared_ptr<server_core> core, task<std::vector<socket_address>> lookup) {
  const std::vector<socket_address> addresses = co_await std::move(lookup);
  server made(core);
  core->loop().admit(*core);
  core->listen_at(addresses);
  if (core->options().start_serving) core->start();
  co_return made;
}

inline task<server> start_at_path(std::shared_ptr<server_core> core, std::string path) {
  server made(core);
  core->loop().admit(*core);
  core->listen_at_path(path);
  if (core->options().start_serving) core->start();
  co_return made;
}

}  // namespace detail

template <class F>
  requires connection_handler<std::decay_t<F>>
task<server> start_server(F&& handler, std::string host, unsigned port, server_options options) {
  static_assert(safe_argument<F>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  auto lookup = resolve(std::move(host), port, resolve_options().family(options.family).flags(AI_PASSIVE));
  return detail::start_at_host(
      std::make_shared<server_core_of<std::decay_t<F>>>(event_loop::current(), options, std::forward<F>(handler)),
      std::move(lookup));
}

template <class F>
  requires connection_handler<std::decay_t<F>>
task<server> start_unix_server(F&& handler, std::string path, server_options options) {
  static_assert(safe_argument<F>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  socket_address::unix_path(path);  // says at once what is wrong with it
  return detail::start_at_path(
      std::make_shared<server_core_of<std::decay_t<F>>>(event_loop::current(), options, std::forward<F>(handler)),
      std::move(path));
}

static_assert(awaiter<server_closed_awaiter> && awaiter<serving_awaiter>);

}  // namespace weft
