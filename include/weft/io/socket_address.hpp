// Where a socket is: an IPv4 or IPv6 address with a port, or the path of a unix socket.
// SPDX-License-Identifier: MIT
//
// One type for all families, as large as the largest address, because accept() and recvfrom() do not say beforehand
// what they will give. It looks up no names: that takes time, which resolve() takes in another thread.
//
//     const auto here = weft::socket_address::ip("::1", 80);
//     ::bind(fd, here.data(), here.size());
//     here.to_string();  // "[::1]:80"
#pragma once

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace weft {

/// A value: what a sockaddr holds, and its length. asyncio's tuples, and the strings of unix sockets.
class socket_address {
 public:
  /// No address: AF_UNSPEC, of length 0.
  socket_address() noexcept = default;

  /// A copy. Throws std::length_error if it is longer than capacity().
  socket_address(const sockaddr* address, socklen_t length);

  /// A literal as inet_pton() takes it, IPv6 with "%eth0" or "%2" behind it for a scope, and a port. Throws
  /// std::invalid_argument if it is none (names are for resolve()), std::out_of_range for a port above 65535.
  static socket_address ip(std::string_view numeric, unsigned port);

  /// The same, and nothing if it is no literal or there is no such interface. Throws std::out_of_range like ip().
  static std::optional<socket_address> try_ip(std::string_view numeric, unsigned port);

  /// A path in the file system, or on Linux, if it begins with a NUL, a name in the abstract namespace. Throws
  /// std::length_error if it is too long, std::invalid_argument if it is empty or has a NUL where none may be.
  static socket_address unix_path(std::string_view path);

  /// AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC if there is no address.
  int family() const noexcept { return size_ < path_offset ? AF_UNSPEC : storage_.ss_family; }

  /// For system calls. One that writes an address gets data() and capacity(), and what it says is for resize().
  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }
  static constexpr socklen_t capacity() noexcept { return sizeof(sockaddr_storage); }

  /// How much of data() is the address; at most capacity(), which is also what is left of an address that is longer.
  void resize(socklen_t length) noexcept { size_ = std::min(length, capacity()); }

  /// 0 if it is no IP address.
  unsigned port() const noexcept;

  /// "127.0.0.1", "::1", "fe80::1%eth0"; empty if it is no IP address.
  std::string host() const;

  /// Of a unix socket; an abstract one begins with a NUL. Empty if it has no name, or is none.
  std::string path() const;

  /// For people: "127.0.0.1:80", "[::1]:80", "unix:/run/x", "unix:@abstract"; "no address".
  std::string to_string() const;

  /// Whether they mean the same place; bytes that mean nothing do not count.
  friend bool operator==(const socket_address& a, const socket_address& b) noexcept { return a.same(b); }

 private:
  static constexpr socklen_t path_offset = offsetof(sockaddr_un, sun_path);

  template <class Sockaddr>
  static socket_address from(const Sockaddr& address) noexcept {
    socket_address made;
    std::memcpy(&made.storage_, &address, sizeof address);
    made.size_ = sizeof address;
    return made;
  }
  template <class Sockaddr>
  Sockaddr as() const noexcept {
    Sockaddr copy{};
    std::memcpy(&copy, &storage_, std::min(sizeof copy, static_cast<std::size_t>(size_)));
    return copy;
  }
  std::string_view path_view() const noexcept;
  bool same(const socket_address& other) const noexcept;

  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// Where the socket `fd` is. Throws std::system_error. Mirrors the transports' get_extra_info("sockname").
socket_address local_address(int fd);

/// Where its peer is. Throws std::system_error, for instance ENOTCONN. Mirrors get_extra_info("peername").
socket_address peer_address(int fd);

// ---- details ----

namespace detail {

// Only Linux has them; elsewhere a NUL ends a path.
inline bool names_abstract_socket(std::string_view path) noexcept {
#if defined(__linux__)
  return path.starts_with('\0');
#else
  static_cast<void>(path);
  return false;
#endif
}

// Sockets stay in the file system when their programs end, and would be in the way of the next one.
inline void remove_stale_socket(const std::string& path) noexcept {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) ::unlink(path.c_str());
}

// The number of a scope: an interface's name, or the number itself.
inline std::optional<std::uint32_t> scope_number(std::string_view scope) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(scope.data(), scope.data() + scope.size(), number);
  if (error == std::errc() && end == scope.data() + scope.size()) return number;
  number = scope.size() < IF_NAMESIZE ? ::if_nametoindex(std::string(scope).c_str()) : 0;
  return number != 0 ? std::optional<std::uint32_t>(number) : std::nullopt;
}

// getsockname() or getpeername().
inline socket_address asked_address(int fd, int (*ask)(int, sockaddr*, socklen_t*), const char* call) {
  socket_address found;
  socklen_t length = socket_address::capacity();
  if (ask(fd, found.data(), &length) != 0) throw std::system_error(errno, std::generic_category(), call);
  found.resize(length);
  return found;
}

}  // namespace detail

inline socket_address::socket_address(const sockaddr* address, socklen_t length) : size_(length) {
  if (length > capacity()) {
    throw std::length_error("weft: an address of " + std::to_string(length) + " bytes, more than the " +
                            std::to_string(capacity()) + " of a sockaddr_storage");
  }
  if (length > 0) std::memcpy(&storage_, address, length);
}

inline socket_address socket_address::ip(std::string_view numeric, unsigned port) {
  if (const std::optional<socket_address> found = try_ip(numeric, port)) return *found;
  throw std::invalid_argument("weft: '" + std::string(numeric) +
                              "' is no IPv4 or IPv6 address; resolve() looks up names");
}

inline std::optional<socket_address> socket_address::try_ip(std::string_view numeric, unsigned port) {
  if (port > 65535) throw std::out_of_range("weft: port " + std::to_string(port) + " is not in 0 to 65535");
  const std::size_t percent = numeric.find('%');
  const std::string literal(numeric.substr(0, percent));
  if (numeric.find('\0') != std::string_view::npos) return std::nullopt;

  sockaddr_in v4{};
  if (percent == std::string_view::npos && ::inet_pton(AF_INET, literal.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    return from(v4);
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, literal.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<std::uint16_t>(port));
  if (percent != std::string_view::npos) {
    const std::optional<std::uint32_t> scope = detail::scope_number(numeric.substr(percent + 1));
    if (!scope) return std::nullopt;
    v6.sin6_scope_id = *scope;
  }
  return from(v6);
}

inline socket_address socket_address::unix_path(std::string_view path) {
  if (path.empty()) throw std::invalid_argument("weft: the path of a unix socket is empty");
  const bool abstract = detail::names_abstract_socket(path);
  if (!abstract && path.find('\0') != std::string_view::npos) {
    throw std::invalid_argument("weft: the path of a unix socket has a NUL in it");
  }
  sockaddr_un address{};
  const std::size_t limit = sizeof address.sun_path - (abstract ? 0 : 1);  // a path ends with a NUL
  if (path.size() > limit) {
    throw std::length_error("weft: '" + std::string(path.substr(abstract ? 1 : 0)) + "' has " +
                            std::to_string(path.size()) + " bytes; the path of a unix socket has at most " +
                            std::to_string(limit));
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  socket_address made = from(address);
  made.size_ = path_offset + static_cast<socklen_t>(path.size() + (abstract ? 0 : 1));
  return made;
}

inline unsigned socket_address::port() const noexcept {
  if (family() == AF_INET) return ntohs(as<sockaddr_in>().sin_port);
  if (family() == AF_INET6) return ntohs(as<sockaddr_in6>().sin6_port);
  return 0;
}

inline std::string socket_address::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET) {
    const auto v4 = as<sockaddr_in>();
    return ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  }
  if (family() != AF_INET6) return {};
  const auto v6 = as<sockaddr_in6>();
  std::string host = ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  if (v6.sin6_scope_id == 0) return host;
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(v6.sin6_scope_id, name.data()) != nullptr) return host + "%" + name.data();
  return host + "%" + std::to_string(v6.sin6_scope_id);
}

// The kernel counts the NUL behind a path, or does not; an abstract name is as long as the address says.
inline std::string_view socket_address::path_view() const noexcept {
  if (family() != AF_UNIX || size_ == path_offset) return {};
  const std::string_view bytes(reinterpret_cast<const char*>(&storage_) + path_offset, size_ - path_offset);
  return detail::names_abstract_socket(bytes) ? bytes : bytes.substr(0, bytes.find('\0'));
}

inline std::string socket_address::path() const { return std::string(path_view()); }

inline std::string socket_address::to_string() const {
  switch (family()) {
    case AF_UNSPEC:
      return "no address";
    case AF_INET:
      return host() + ":" + std::to_string(port());
    case AF_INET6:
      return "[" + host() + "]:" + std::to_string(port());
    case AF_UNIX:
      break;
    default:
      return "an address of family " + std::to_string(family());
  }
  std::string text = path();
  std::replace(text.begin(), text.end(), '\0', '@');
  return "unix:" + text;
}

inline bool socket_address::same(const socket_address& other) const noexcept {
  if (family() != other.family()) return false;
  switch (family()) {
    case AF_UNSPEC:
      return true;
    case AF_INET: {
      const auto a = as<sockaddr_in>();
      const auto b = other.as<sockaddr_in>();
      return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    case AF_INET6: {
      const auto a = as<sockaddr_in6>();
      const auto b = other.as<sockaddr_in6>();
      return a.sin6_port == b.sin6_port && a.sin6_scope_id == b.sin6_scope_id && a.sin6_flowinfo == b.sin6_flowinfo &&
             std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
    }
    case AF_UNIX:
      return path_view() == other.path_view();
    default:
      return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
  }
}

inline socket_address local_address(int fd) { return detail::asked_address(fd, ::getsockname, "weft: getsockname"); }

inline socket_address peer_address(int fd) { return detail::asked_address(fd, ::getpeername, "weft: getpeername"); }

static_assert(std::is_trivially_copyable_v<socket_address> && !std::is_aggregate_v<socket_address>);

}  // namespace weft
