// Looks up the addresses of a host, or the name of an address, without blocking the loop.
// SPDX-License-Identifier: MIT
//
// The system's resolver, getaddrinfo(), blocks for as long as its servers take, so it runs in a thread of the loop's
// default pool, as in asyncio. No thread is asked for what is an address already: programs that write "127.0.0.1"
// start none. A resolver of our own, on the loop, would not know what the system's is configured to ask.
//
//     for (const weft::socket_address& a : co_await weft::resolve("localhost", 80)) fmt::print("{}\n", a.to_string());
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/task.hpp>
#include <weft/detail/config.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/threads/to_thread.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

/// Which addresses are wanted: `resolve_options().family(AF_INET6).type(SOCK_DGRAM)`.
class resolve_options {
 public:
  /// All families, for SOCK_STREAM, no flags.
  resolve_options() noexcept = default;

  resolve_options& family(int f) noexcept { return family_ = f, *this; }
  resolve_options& type(int t) noexcept { return type_ = t, *this; }
  /// AI_PASSIVE and the like.
  resolve_options& flags(int f) noexcept { return flags_ = f, *this; }

  int family() const noexcept { return family_; }
  int type() const noexcept { return type_; }
  int flags() const noexcept { return flags_; }

 private:
  int family_ = AF_UNSPEC;
  int type_ = SOCK_STREAM;
  int flags_ = 0;
};

/// What getaddrinfo() and getnameinfo() say went wrong: EAI_NONAME, EAI_AGAIN and so on. EAI_AGAIN compares equal to
/// std::errc::resource_unavailable_try_again.
const std::error_category& resolver_category() noexcept;

/// The addresses of a host at a port, or at the port of a service ("http", "80"), in the order in which they should be
/// tried (RFC 6724), each once. An empty host means all interfaces (AI_PASSIVE), as None does for asyncio's servers.
/// No pass and no thread for a host that is an address. Throws at once, before it is awaited: std::out_of_range for a
/// port above 65535, std::invalid_argument for a NUL in a name. Throws when awaited: std::system_error, which names
/// the host, with an error of resolver_category() or of the system.
///
/// Cancelled: as to_thread(): the lookup is abandoned. Mirrors loop.getaddrinfo().
template <class = detail::only_if_used>
task<std::vector<socket_address>> resolve(std::string host, unsigned port, resolve_options options = {});
template <class = detail::only_if_used>
task<std::vector<socket_address>> resolve(std::string host, std::string service, resolve_options options = {});

/// What name_of() gives.
class address_name {
 public:
  address_name() = default;
  address_name(std::string h, std::string s) noexcept : host(std::move(h)), service(std::move(s)) {}

  std::string host;
  std::string service;
};

/// The names of an address' host and port; what has no name comes as a number, unless `flags` say otherwise
/// (NI_NAMEREQD; NI_NUMERICHOST, NI_NUMERICSERV, NI_DGRAM). Throws std::system_error, which names the address.
///
/// Cancelled: as to_thread(). Mirrors loop.getnameinfo().
template <class = detail::only_if_used>
task<address_name> name_of(socket_address address, int flags = 0);

/// The same addresses with their families taking turns, so that those who try one after the other soon get to the
/// family that works (RFC 8305): first `first_count` of the family that comes first, then one of each. Mirrors asyncio,
/// which does so where happy_eyeballs_delay is given (its `interleave` is the number).
std::vector<socket_address> interleave_families(std::vector<socket_address> addresses, std::size_t first_count = 1);

// ---- details ----

inline const std::error_category& resolver_category() noexcept {
  class category final : public std::error_category {
   public:
    const char* name() const noexcept override { return "resolver"; }
    std::string message(int code) const override { return ::gai_strerror(code); }
    std::error_condition default_error_condition(int code) const noexcept override {
      if (code == EAI_AGAIN) return std::errc::resource_unavailable_try_again;
      if (code == EAI_MEMORY) return std::errc::not_enough_memory;
      return {code, *this};
    }
  };
  static const category only;
  return only;
}

namespace detail {

inline void check_port(unsigned port, std::string_view given) {
  if (port > 65535) throw std::out_of_range("weft: port " + std::string(given) + " is not in 0 to 65535");
}

// Right after the call, since errno may be part of it.
inline std::error_code resolver_error(int code) noexcept {
  if (code == EAI_SYSTEM) return std::error_code(errno, std::generic_category());
  return std::error_code(code, resolver_category());
}

/// A question to the system's resolver.
class lookup {
 public:
  lookup(std::string host, std::string service, resolve_options options)
      : host_(std::move(host)), service_(std::move(service)), options_(options) {
    if (host_.find('\0') != std::string::npos) throw std::invalid_argument("weft: a NUL in the name of a host");
    if (service_.find('\0') != std::string::npos) throw std::invalid_argument("weft: a NUL in the name of a service");
    if (service_.empty()) service_ = "0";
    unsigned number = 0;
    const char* const end = service_.data() + service_.size();
    const auto [stop, error] = std::from_chars(service_.data(), end, number);
    if (stop != end || error == std::errc::invalid_argument) return;
    check_port(error == std::errc() ? number : 65536, service_);
    port_ = number;
  }

  /// The answer, if the host is an address and the service a number. With no type wanted asyncio asks, too.
  std::optional<socket_address> known() const {
    if (!port_ || (options_.type() != SOCK_STREAM && options_.type() != SOCK_DGRAM)) return std::nullopt;
    const std::optional<socket_address> found = socket_address::try_ip(host_, *port_);
    const bool wanted = found && (options_.family() == AF_UNSPEC || options_.family() == found->family());
    return wanted ? found : std::nullopt;
  }

  /// Blocks.
  std::vector<socket_address> ask() const {
    addrinfo hints{};
    hints.ai_family = options_.family();
    hints.ai_socktype = options_.type();
    hints.ai_flags = options_.flags() | (host_.empty() ? AI_PASSIVE : 0);
    addrinfo* first = nullptr;
    if (const int failed = ::getaddrinfo(host_.empty() ? nullptr : host_.c_str(), service_.c_str(), &hints, &first)) {
      const std::error_code error = resolver_error(failed);
      throw std::system_error(error, "weft: getaddrinfo of '" + host_ + "', service '" + service_ + "'");
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(first, &::freeaddrinfo);
    std::vector<socket_address> found;
    for (const addrinfo* a = all.get(); a != nullptr; a = a->ai_next) {
      const socket_address one(a->ai_addr, static_cast<socklen_t>(a->ai_addrlen));
      if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
    }
    return found;
  }

 private:
  std::string host_;
  std::string service_;
  resolve_options options_;
  std::optional<unsigned> port_;  // if the service is a number
};

template <class = detail::only_if_used>
task<std::vector<socket_address>> answer(lookup question) {
  std::vector<socket_address> found;
  if (const std::optional<socket_address> known = question.known()) {
    found.push_back(*known);
  } else {
    found = co_await to_thread(&lookup::ask, std::move(question));
  }
  co_return found;
}

// Blocks.
inline address_name ask_name(const socket_address& address, int flags) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  if (const int failed = ::getnameinfo(address.data(), address.size(), host.data(), static_cast<socklen_t>(host.size()),
                                       service.data(), static_cast<socklen_t>(service.size()), flags)) {
    const std::error_code error = resolver_error(failed);
    throw std::system_error(error, "weft: getnameinfo of " + address.to_string());
  }
  return address_name(host.data(), service.data());
}

}  // namespace detail

template <class>
task<std::vector<socket_address>> resolve(std::string host, unsigned port, resolve_options options) {
  detail::check_port(port, std::to_string(port));
  return resolve(std::move(host), std::to_string(port), options);
}

template <class>
task<std::vector<socket_address>> resolve(std::string host, std::string service, resolve_options options) {
  return detail::answer(detail::lookup(std::move(host), std::move(service), options));
}

template <class>
task<address_name> name_of(socket_address address, int flags) {
  const address_name found = co_await to_thread(detail::ask_name, address, flags);
  co_return found;
}

inline std::vector<socket_address> interleave_families(std::vector<socket_address> addresses, std::size_t first_count) {
  std::vector<std::vector<socket_address>> families;
  for (const socket_address& a : addresses) {
    const auto same = [&](const auto& group) { return group.front().family() == a.family(); };
    const auto found = std::find_if(families.begin(), families.end(), same);
    (found == families.end() ? families.emplace_back() : *found).push_back(a);
  }
  std::vector<socket_address> ordered;
  if (families.empty()) return ordered;
  // Those in front come out of turn: all of the first family but one that takes its turn with the others.
  std::vector<socket_address>& first = families.front();
  const std::size_t ahead = std::min(first.size(), first_count > 1 ? first_count - 1 : 0);
  ordered.assign(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(ahead));
  first.erase(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(ahead));
  for (std::size_t turn = 0; ordered.size() < addresses.size(); ++turn) {
    for (const auto& group : families) {
      if (turn < group.size()) ordered.push_back(group[turn]);
    }
  }
  return ordered;
}

static_assert(!std::is_aggregate_v<resolve_options> && !std::is_aggregate_v<address_name>);

}  // namespace weft
