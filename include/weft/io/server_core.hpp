// What a server and its connections share: the sockets, who is connected, who waits.
// SPDX-License-Identifier: MIT
//
// It lives until the last connection has gone, whatever becomes of the handle (weft::server): the connections and their
// handlers hold it. It is a tenant of its loop, which stops it when it goes.
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/intrusive_list.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/listening_socket.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/server_options.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/io/stream.hpp>
#include <weft/io/stream_transport.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace weft {

class server_closed_awaiter;

/// A derived class says what is done with a connection.
class server_core : public tenant,
                    public stream_group,
                    public connection_acceptor,
                    public std::enable_shared_from_this<server_core> {
 public:
  ~server_core() override { stop(); }

  event_loop& loop() const noexcept { return *loop_; }
  const server_options& options() const noexcept { return options_; }

  /// Binds. Throws std::system_error that names the address.
  void listen_at(const std::vector<socket_address>& addresses);
  void listen_at_path(const std::string& path);

  /// usage_error if it is closed; std::system_error: none of the sockets listens.
  void start();
  void stop() noexcept;
  bool is_serving() const noexcept { return serving_; }
  bool is_closed() const noexcept { return closed_; }

  /// Closed, and without connections.
  bool gone() const noexcept { return closed_ && clients_.empty(); }

  const std::vector<std::unique_ptr<listening_socket>>& sockets() const noexcept { return sockets_; }

  /// Closing takes no connection out of the list before the next pass.
  template <class Fn>
  void for_each_client(Fn&& fn) {
    clients_.for_each(fn);
  }

  wait_list& closers() noexcept { return closers_; }
  /// See server::serve_forever().
  template <class = detail::only_if_used>
  static task<> serve_forever(std::shared_ptr<server_core> core);

  inline void take(detail::unique_fd fd, const socket_address& peer) noexcept final;
  std::shared_ptr<const void> keep() final { return shared_from_this(); }
  void stream_closed() noexcept final {
    if (gone()) closers_.wake_all();
  }

  void run() final {}
  void abandon() noexcept final { stop(); }
  std::string report() const final { return {}; }

 protected:
  /// Throws std::invalid_argument for a limit of 0, or less: no connection could be taken.
  server_core(event_loop& loop, const server_options& options) : loop_(&loop), options_(options) {
    check_stream_limit(options.limit);
  }

  /// Starts the handler's task, or calls the handler.
  virtual void handle(stream&& connection) = 0;

 private:
  detail::unique_fd bind(const socket_address& address) const;

  event_loop* loop_;  // not used when it is closed
  server_options options_;
  std::vector<std::unique_ptr<listening_socket>> sockets_;
  detail::intrusive_list<stream_transport, stream_group> clients_;
  wait_list closers_;
  wait_list servers_;  // who serves for ever
  bool serving_ = false;
  bool closed_ = false;
};

class [[nodiscard(
    "weft: wait_closed() does nothing until it is awaited: write co_await server.wait_closed()")]] server_closed_awaiter
    final : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit server_closed_awaiter(std::shared_ptr<server_core> core) noexcept : core_(std::move(core)) {}
  /// Before it is awaited it may move.
  server_closed_awaiter(server_closed_awaiter&& unstarted) noexcept
      : wait_node(std::move(unstarted)), core_(std::move(unstarted.core_)) {}
  ~server_closed_awaiter() { leave(); }  // before the core goes, whose list this is in

  /// invalid_state_error if it was moved from.
  bool await_ready() const {
    if (core_ == nullptr) throw invalid_state_error("weft: this wait for a server was moved from");
    return core_->gone();
  }
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

// ---- details ----

inline detail::unique_fd server_core::bind(const socket_address& address) const {
  detail::unique_fd fd = detail::make_socket(address.family(), SOCK_STREAM);
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
    const int error = errno;
    throw std::system_error(error, std::generic_category(), "weft: binding to " + address.to_string());
  }
  return fd;
}

inline void server_core::listen_at(const std::vector<socket_address>& addresses) {
  std::exception_ptr unavailable;
  for (const socket_address& address : addresses) {
    detail::unique_fd fd;
    try {
      fd = bind(address);
    } catch (const std::system_error& e) {
      // A family that this machine has not got.
      if (e.code() != std::errc::address_not_available && e.code() != std::errc::address_family_not_supported) throw;
      unavailable = std::current_exception();
      continue;
    }
    sockets_.push_back(std::make_unique<listening_socket>(*loop_, *this, std::move(fd)));
  }
  if (sockets_.empty() && unavailable) std::rethrow_exception(unavailable);
}

inline void server_core::listen_at_path(const std::string& path) {
  const socket_address address = socket_address::unix_path(path);
  const bool in_file_system = !detail::names_abstract_socket(path);
  if (in_file_system) detail::remove_stale_socket(path);
  sockets_.push_back(std::make_unique<listening_socket>(*loop_, *this, bind(address)));
  if (in_file_system) sockets_.back()->owns_path(path);
}

inline void server_core::start() {
  if (closed_) throw usage_error("weft: this server is closed; start another one");
  if (serving_) return;
  try {
    for (const auto& socket : sockets_) socket->start(options_.backlog);
  } catch (...) {
    for (const auto& socket : sockets_) socket->rest();
    throw;
  }
  serving_ = true;
}

inline void server_core::stop() noexcept {
  if (std::exchange(closed_, true)) return;
  serving_ = false;
  for (const auto& socket : sockets_) socket->stop();  // they stay: one of them may be accepting just now
  servers_.wake_all();
  if (clients_.empty()) closers_.wake_all();
  static_cast<detail::list_node<tenant_link>&>(*this).unlink();  // the loop may have gone if nothing was ever started
}

inline void server_core::take(detail::unique_fd fd, const socket_address& peer) noexcept {
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

template <class>
task<> server_core::serve_forever(std::shared_ptr<server_core> core) {
  std::exception_ptr cancelled;
  if (core->servers_.anyone_waits()) {
    throw usage_error("weft: another task is in serve_forever() of this server already");
  }
  core->start();
  try {
    co_await serving_awaiter(core->servers_);
  } catch (const cancelled_error&) {
    cancelled = std::current_exception();
  }
  core->stop();
  co_await server_closed_awaiter(core);
  if (cancelled) std::rethrow_exception(cancelled);
  throw cancelled_error();
}

static_assert(awaiter<server_closed_awaiter> && awaiter<serving_awaiter>);

}  // namespace weft
