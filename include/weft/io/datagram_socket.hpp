// Sends and receives datagrams: UDP, and unix sockets of that kind.
// SPDX-License-Identifier: MIT
//
// asyncio has a protocol with a method that is called for each datagram, and a transport that buffers what the kernel
// has no room for. Here a task asks for the next datagram, and a task that sends waits for room: nothing piles up, and
// errors arrive where something can be done about them.
//
//     auto socket = weft::datagram_socket::bind(weft::socket_address::ip("127.0.0.1", 9000));
//     std::array<char, 1500> buffer;
//     const weft::datagram d = co_await socket.receive_from(buffer);
//     co_await socket.send_to(std::string_view(buffer.data(), d.size), d.from);
#pragma once

#include <weft/core/task.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/datagram_wait.hpp>
#include <weft/io/socket_address.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weft {

/// How a socket is made: `datagram_options().reuse_port().local(address)`.
class datagram_options {
 public:
  datagram_options() noexcept = default;

  /// Several sockets may be bound to one port and share what arrives (SO_REUSEPORT).
  datagram_options& reuse_port(bool on = true) noexcept { return reuse_port_ = on, *this; }
  /// Datagrams may go to broadcast addresses (SO_BROADCAST).
  datagram_options& broadcast(bool on = true) noexcept { return broadcast_ = on, *this; }
  /// For connect(): the address to send from.
  datagram_options& local(const socket_address& a) noexcept { return local_ = a, *this; }

  bool reuses_port() const noexcept { return reuse_port_; }
  bool broadcasts() const noexcept { return broadcast_; }
  const socket_address& local() const noexcept { return local_; }

 private:
  bool reuse_port_ = false;
  bool broadcast_ = false;
  socket_address local_;
};

/// A socket that neither blocks nor is inherited by programs that are started. One task at a time may receive, and one
/// may send: usage_error for more. It may be moved meanwhile. Mirrors loop.create_datagram_endpoint().
class datagram_socket {
 public:
  /// Bound to an address; port 0 takes one that is free. As in asyncio a socket that is left at a unix path is removed
  /// first. Throws std::system_error, which names the address (EADDRINUSE, EMFILE).
  static datagram_socket bind(const socket_address& local, const datagram_options& options = {});

  /// With one peer: send() sends to it, and only what it sends arrives. Throws as bind() does.
  static datagram_socket connect(const socket_address& peer, const datagram_options& options = {});

  /// A closed one.
  datagram_socket() noexcept = default;

  /// Waits for a datagram and copies it into `buffer`, which has to live until then; no pass if there is one. Throws
  /// std::system_error, which names the peer: it has refused what was sent to it before, for instance (ECONNREFUSED,
  /// connected sockets only).
  ///
  /// Cancelled: nothing was received. Mirrors loop.sock_recvfrom_into().
  datagram_receive_awaiter receive_from(std::span<std::byte> buffer) noexcept { return {descriptor_, buffer}; }
  datagram_receive_awaiter receive_from(std::span<char> buffer) noexcept {
    return {descriptor_, std::as_writable_bytes(buffer)};
  }

  /// The bytes of the next datagram. Throws as receive_from(), and EMSGSIZE for one that is longer than `most`: it is
  /// lost.
  ///
  /// Cancelled: nothing was received. Mirrors loop.sock_recvfrom(), without the address.
  template <class = detail::only_if_used>
  task<std::string> receive(std::size_t most = 65536);

  /// Sends one datagram, to `to` or to the peer of a connected socket; waits while the kernel has no room. The bytes
  /// have to live until then. Throws std::system_error, which names the address (EMSGSIZE: they are too many).
  ///
  /// Cancelled: nothing was sent. Mirrors loop.sock_sendto().
  datagram_send_awaiter send_to(std::span<const std::byte> bytes, const socket_address& to) noexcept {
    return {descriptor_, bytes, to};
  }
  datagram_send_awaiter send_to(std::string_view bytes, const socket_address& to) noexcept {
    return {descriptor_, std::as_bytes(std::span(bytes)), to};
  }
  datagram_send_awaiter send(std::span<const std::byte> bytes) noexcept { return send_to(bytes, socket_address()); }
  datagram_send_awaiter send(std::string_view bytes) noexcept { return send_to(bytes, socket_address()); }

  /// Multicast: also receives what is sent to this group, on the interface with this number (if_nametoindex()), or on
  /// one that the system chooses. Throws std::system_error, which names the group.
  void join(const socket_address& group, unsigned interface_number = 0) {
    change(MCAST_JOIN_GROUP, "joining", group, interface_number);
  }
  void leave(const socket_address& group, unsigned interface_number = 0) {
    change(MCAST_LEAVE_GROUP, "leaving", group, interface_number);
  }

  /// Those who wait get std::system_error (operation_canceled). The destructor closes, too, and forgets them: they wait
  /// until they are cancelled.
  void close() noexcept { descriptor_.close(); }
  bool is_open() const noexcept { return descriptor_.get() >= 0; }

  /// For setsockopt() and the like; -1 if it is closed.
  int descriptor() const noexcept { return descriptor_.get(); }

  /// Throw std::system_error: it is closed, or not connected.
  socket_address local_address() const { return weft::local_address(descriptor()); }
  socket_address peer_address() const { return weft::peer_address(descriptor()); }

 private:
  datagram_socket(const socket_address& where, const datagram_options& options);

  void bind_to(const socket_address& local);
  void switch_on(int option, const char* doing, const socket_address& where);
  void change(int option, const char* doing, const socket_address& group, unsigned interface_number);
  [[noreturn]] static void fail(const char* doing, const socket_address& where);

  datagram_descriptor descriptor_;
};

// ---- details ----

namespace detail {

inline unique_fd make_datagram_socket(int family) noexcept {
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
  return unique_fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
#else
  unique_fd fd(::socket(family, SOCK_DGRAM, 0));
  if (fd && (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) < 0 || ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) < 0)) fd.reset();
  return fd;
#endif
}

}  // namespace detail

inline void datagram_socket::fail(const char* doing, const socket_address& where) {
  const int error = errno;  // printing the address may change it
  throw std::system_error(error, std::generic_category(), std::string("weft: ") + doing + " " + where.to_string());
}

inline datagram_socket::datagram_socket(const socket_address& where, const datagram_options& options)
    : descriptor_(detail::make_datagram_socket(where.family())) {
  if (!is_open()) fail("making a datagram socket for", where);
  if (options.reuses_port()) switch_on(SO_REUSEPORT, "sharing the port of", where);
  if (options.broadcasts()) switch_on(SO_BROADCAST, "allowing broadcasts for", where);
}

inline datagram_socket datagram_socket::bind(const socket_address& local, const datagram_options& options) {
  datagram_socket made(local, options);
  made.bind_to(local);
  return made;
}

inline datagram_socket datagram_socket::connect(const socket_address& peer, const datagram_options& options) {
  datagram_socket made(peer, options);
  if (options.local().size() != 0) made.bind_to(options.local());
  while (::connect(made.descriptor(), peer.data(), peer.size()) != 0) {
    if (errno != EINTR) fail("connecting a datagram socket to", peer);
  }
  return made;
}

inline void datagram_socket::bind_to(const socket_address& local) {
  const std::string path = local.path();
  if (!path.empty() && path.front() != '\0') detail::remove_stale_socket(path);
  if (::bind(descriptor(), local.data(), local.size()) != 0) fail("binding a datagram socket to", local);
}

inline void datagram_socket::switch_on(int option, const char* doing, const socket_address& where) {
  const int on = 1;
  if (::setsockopt(descriptor(), SOL_SOCKET, option, &on, sizeof on) != 0) fail(doing, where);
}

inline void datagram_socket::change(int option, const char* doing, const socket_address& group,
                                    unsigned interface_number) {
  group_req request{};
  request.gr_interface = static_cast<std::uint32_t>(interface_number);
  std::memcpy(&request.gr_group, group.data(), group.size());
  const int level = group.family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (::setsockopt(descriptor(), level, option, &request, sizeof request) != 0) fail(doing, group);
}

template <class>
task<std::string> datagram_socket::receive(std::size_t most) {
  std::string bytes(most, '\0');
  const datagram d = co_await receive_from(std::span(bytes));
  if (d.truncated) {
    throw std::system_error(
        EMSGSIZE, std::generic_category(),
        "weft: a datagram of more than " + std::to_string(most) + " bytes from " + d.from.to_string());
  }
  co_return bytes.substr(0, d.size);
}

static_assert(!std::is_aggregate_v<datagram_options> && std::is_nothrow_move_constructible_v<datagram_socket>);

}  // namespace weft
