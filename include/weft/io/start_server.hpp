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
#include <weft/core/safe_argument.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/config.hpp>
#include <weft/io/resolve.hpp>
#include <weft/io/server_core.hpp>
#include <weft/io/server_options.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/io/stream.hpp>

#include <netdb.h>

#include <concepts>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// What can handle a connection.
template <class F>
concept connection_handler = std::invocable<F&, stream_reader, stream_writer> || std::invocable<F&, stream>;

/// A server that listens. Movable; who lets it go closes it, and the connections that are open go on. One that was
/// moved from throws invalid_state_error; its noexcept members do nothing.
class [[nodiscard("weft: a server that nobody keeps is closed at once")]] server {
 public:
  explicit server(std::shared_ptr<server_core> core) noexcept : core_(std::move(core)) {}
  server(server&&) noexcept = default;
  server& operator=(server&& other) noexcept;
  ~server() { close(); }

  /// Where it listens; with port 0 this tells which one it got. Empty when it is closed. Mirrors Server.sockets.
  std::vector<socket_address> addresses() const;
  /// Its sockets, which it owns.
  std::vector<int> descriptors() const;

  /// Accepts from now on. usage_error if it is closed; std::system_error: it does not accept.
  void start_serving() { core().start(); }
  bool is_serving() const noexcept { return core_ != nullptr && core_->is_serving(); }

  /// Accepts until it is cancelled or closed, then closes, waits for the connections and throws cancelled_error.
  /// usage_error if it is closed, or if another task does the same. Cancelled while it waits for the connections: stops
  /// waiting. Mirrors Server.serve_forever().
  template <class = detail::only_if_used>
  task<> serve_forever();

  /// Stops listening; connections go on. Closing twice does nothing.
  void close() noexcept;
  /// Closes the connections in good order, or at once.
  void close_clients() noexcept;
  void abort_clients() noexcept;

  /// Waits until it is closed and has no connections any more. Cancelled: nothing has changed.
  server_closed_awaiter wait_closed();

 private:
  server_core& core() const {
    if (core_ == nullptr) throw invalid_state_error("weft: this server was moved from");
    return *core_;
  }

  std::shared_ptr<server_core> core_;
};

/// Listens at all addresses of a host: an empty one means all interfaces. The handler is kept until the last connection
/// has gone; it is called anew for each, and a task that it returns runs by itself. Takes no pass if the host is an
/// address. Throws at once: std::out_of_range for a port, std::invalid_argument for a limit of 0 or less. Throws when
/// awaited: what resolve() does; std::system_error with the address that cannot be bound. Cancelled: nothing listens.
/// Mirrors asyncio.start_server().
template <class F>
task<server> start_server(F&& handler, std::string host, unsigned port, server_options options = {});

/// The same at a unix socket; std::length_error, std::invalid_argument at once for what cannot be a path. A socket that
/// is left there from a former process is removed, and the one that this server makes is when it is closed. Mirrors
/// asyncio.start_unix_server().
template <class F>
task<server> start_unix_server(F&& handler, std::string path, server_options options = {});

// ---- details ----

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

  void report_failure() {
    loop().call_exception_handler(
        exception_context::compose("Unhandled exception in a server's connection handler", std::current_exception()));
  }

  // Keeps the handler, whose captures its coroutine may use.
  static task<> serve(std::shared_ptr<server_core> core, stream connection) {
    auto& self = static_cast<server_core_of&>(*core);
    try {
      co_await self.call(std::move(connection));
    } catch (const cancelled_error&) {
      throw;
    } catch (...) {
      self.report_failure();
    }
  }

  void handle(stream&& connection) override {
    using result = decltype(call(std::move(connection)));
    if constexpr (is_task<std::remove_cvref_t<result>>) {
      loop().create_task(serve(shared_from_this(), std::move(connection)));
    } else {
      static_assert(std::is_void_v<result>, "weft: a connection handler returns a task<>, or nothing");
      try {
        call(std::move(connection));
      } catch (...) {
        report_failure();
      }
    }
  }

  F handler_;
};

inline server& server::operator=(server&& other) noexcept {
  if (this == &other) return *this;
  close();
  core_ = std::move(other.core_);
  return *this;
}

inline std::vector<socket_address> server::addresses() const {
  std::vector<socket_address> all;
  for (const int fd : descriptors()) all.push_back(local_address(fd));
  return all;
}

inline std::vector<int> server::descriptors() const {
  std::vector<int> all;
  for (const auto& socket : core().sockets()) {
    if (socket->descriptor() >= 0) all.push_back(socket->descriptor());
  }
  return all;
}

template <class>
task<> server::serve_forever() {
  core();
  return server_core::serve_forever(core_);
}
inline server_closed_awaiter server::wait_closed() {
  core();
  return server_closed_awaiter(core_);
}
inline void server::close() noexcept {
  if (core_ != nullptr) core_->stop();
}
inline void server::close_clients() noexcept {
  if (core_ != nullptr) core_->for_each_client([](stream_transport& t) { t.close(); });
}
inline void server::abort_clients() noexcept {
  if (core_ != nullptr) core_->for_each_client([](stream_transport& t) { t.abort(); });
}

namespace detail {

template <class = detail::only_if_used>
task<server> start_at_host(std::shared_ptr<server_core> core, task<std::vector<socket_address>> lookup) {
  const std::vector<socket_address> addresses = co_await std::move(lookup);
  server made(core);
  core->loop().admit(*core);
  core->listen_at(addresses);
  if (core->options().start_serving) core->start();
  co_return made;
}

template <class = detail::only_if_used>
task<server> start_at_path(std::shared_ptr<server_core> core, std::string path) {
  server made(core);
  core->loop().admit(*core);
  core->listen_at_path(path);
  if (core->options().start_serving) core->start();
  co_return made;
}

template <class F>
std::shared_ptr<server_core> make_server_core(F&& handler, const server_options& options) {
  using kept = std::decay_t<F>;
  static_assert(connection_handler<kept>,
                "weft: a connection handler is called with a stream_reader and a stream_writer, or with a stream");
  static_assert(safe_argument<F>, WEFT_UNSAFE_ARGUMENT_ADVICE);
  if constexpr (connection_handler<kept>) {
    return std::make_shared<server_core_of<kept>>(event_loop::current(), options, std::forward<F>(handler));
  } else {
    return {};  // the line above has said what is wrong
  }
}

}  // namespace detail

template <class F>
task<server> start_server(F&& handler, std::string host, unsigned port, server_options options) {
  auto core = detail::make_server_core(std::forward<F>(handler), options);
  auto lookup = resolve(std::move(host), port, resolve_options().family(options.family).flags(AI_PASSIVE));
  return detail::start_at_host(std::move(core), std::move(lookup));
}

template <class F>
task<server> start_unix_server(F&& handler, std::string path, server_options options) {
  auto core = detail::make_server_core(std::forward<F>(handler), options);
  socket_address::unix_path(path);  // says at once what is wrong with it
  return detail::start_at_path(std::move(core), std::move(path));
}

}  // namespace weft
