// Tests of weft/io/socket_address.hpp: making, printing and comparing addresses, and asking sockets for theirs.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/pipe.hpp"

#include <weft/detail/unique_fd.hpp>
#include <weft/io/socket_address.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace io_socket_address_test {

using namespace std::string_literals;
using weft::socket_address;
using weft_test::contains;

TEST_CASE("an IPv4 address is made of a literal and a port", "[io][socket_address]") {
  const socket_address a = socket_address::ip("127.0.0.1", 8080);
  CHECK(a.family() == AF_INET);
  CHECK(a.host() == "127.0.0.1");
  CHECK(a.port() == 8080);
  CHECK(a.path().empty());
  CHECK(a.to_string() == "127.0.0.1:8080");
  CHECK(a.size() == sizeof(sockaddr_in));
  sockaddr_in raw{};
  std::memcpy(&raw, a.data(), sizeof raw);
  CHECK(raw.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  CHECK(raw.sin_port == htons(8080));
}

TEST_CASE("an IPv6 address is made of a literal and a port", "[io][socket_address]") {
  const socket_address a = socket_address::ip("2001:db8:0:0::1", 65535);
  CHECK(a.family() == AF_INET6);
  CHECK(a.host() == "2001:db8::1");
  CHECK(a.port() == 65535);
  CHECK(a.to_string() == "[2001:db8::1]:65535");
  CHECK(a.size() == sizeof(sockaddr_in6));
  CHECK(socket_address::ip("::ffff:1.2.3.4", 0).host() == "::ffff:1.2.3.4");
}

TEST_CASE("a scope is an interface's name or its number", "[io][socket_address]") {
  const unsigned loopback = ::if_nametoindex("lo") != 0 ? ::if_nametoindex("lo") : ::if_nametoindex("lo0");
  REQUIRE(loopback != 0);
  char name[IF_NAMESIZE];
  REQUIRE(::if_indextoname(loopback, name) != nullptr);
  const socket_address by_name = socket_address::ip("fe80::1%"s + name, 1);
  CHECK(by_name == socket_address::ip("fe80::1%" + std::to_string(loopback), 1));
  CHECK(by_name.host() == "fe80::1%"s + name);
  CHECK(by_name.to_string() == "[fe80::1%"s + name + "]:1");
  CHECK_FALSE(by_name == socket_address::ip("fe80::1", 1));
  CHECK(socket_address::ip("fe80::1%4000000000", 1).host() == "fe80::1%4000000000");  // there is no such interface
  CHECK(socket_address::ip("fe80::1%0", 1) == socket_address::ip("fe80::1", 1));
}

TEST_CASE("what is no literal is refused by its text", "[io][socket_address]") {
  const std::string bad[] = {"",           "localhost", "127.1",      "1.2.3.4.5",
                             "256.0.0.1",  "[::1]",     "::1%",       "::1%no-such",
                             "1.2.3.4%lo", ":::",       "1.2.3.4 ",   " ::1",
                             "1.2.3.4\0"s, "::1\0%lo"s, "::1%lo\0"s,  "01.2.3.04",
                             "::1%-1",     "::1%1x",    "::1%1%1",    std::string(5000, '1'),
                             "0x7f.1",     "1.2.3",     "1.2.3.4:80", "::1%" + std::string(5000, 'x')};
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(socket_address::try_ip(text, 1).has_value());
    CHECK_THROWS_AS(socket_address::ip(text, 1), std::invalid_argument);
    CHECK_THROWS_WITH(socket_address::ip(text, 1), contains("'" + text.substr(0, text.find('\0'))));
  }
  CHECK(socket_address::try_ip("1.2.3.4", 1) == socket_address::ip("1.2.3.4", 1));
}

TEST_CASE("a port above 65535 is out of range", "[io][socket_address]") {
  CHECK_THROWS_AS(socket_address::ip("1.2.3.4", 65536), std::out_of_range);
  CHECK_THROWS_WITH(socket_address::ip("1.2.3.4", 65536), contains("65536"));
  CHECK_THROWS_AS(socket_address::try_ip("no literal", 70000), std::out_of_range);
}

TEST_CASE("a unix socket's path may be as long as sun_path less the NUL", "[io][socket_address]") {
  const socket_address a = socket_address::unix_path("/run/x");
  CHECK(a.family() == AF_UNIX);
  CHECK(a.path() == "/run/x");
  CHECK(a.to_string() == "unix:/run/x");
  CHECK(a.host().empty());
  CHECK(a.port() == 0);
  CHECK(a.size() == offsetof(sockaddr_un, sun_path) + 7);

  const std::size_t limit = sizeof(sockaddr_un::sun_path) - 1;
  const std::string longest(limit, 'p');
  CHECK(socket_address::unix_path(longest).path() == longest);
  CHECK_THROWS_AS(socket_address::unix_path(longest + "p"), std::length_error);
  CHECK_THROWS_WITH(socket_address::unix_path(longest + "q"),
                    contains(longest + "q") && contains(std::to_string(limit)));
  CHECK_THROWS_AS(socket_address::unix_path(""), std::invalid_argument);
  CHECK_THROWS_AS(socket_address::unix_path("/run\0x"s), std::invalid_argument);
}

#if defined(__linux__)
TEST_CASE("a name that begins with a NUL is abstract, and as long as sun_path at most", "[io][socket_address]") {
  const socket_address a = socket_address::unix_path("\0a\0b"s);
  CHECK(a.path() == "\0a\0b"s);
  CHECK(a.to_string() == "unix:@a@b");
  CHECK(a.size() == offsetof(sockaddr_un, sun_path) + 4);
  CHECK_FALSE(a == socket_address::unix_path("\0a"s));
  const std::string longest = "\0"s + std::string(sizeof(sockaddr_un::sun_path) - 1, 'p');
  CHECK(socket_address::unix_path(longest).path() == longest);
  CHECK_THROWS_AS(socket_address::unix_path(longest + "p"), std::length_error);
}
#endif

TEST_CASE("there may be no address", "[io][socket_address]") {
  const socket_address none;
  CHECK(none.family() == AF_UNSPEC);
  CHECK(none.size() == 0);
  CHECK(none.port() == 0);
  CHECK(none.host().empty());
  CHECK(none.path().empty());
  CHECK(none.to_string() == "no address");
  CHECK(none == socket_address(nullptr, 0));
  CHECK_FALSE(none == socket_address::ip("0.0.0.0", 0));
  socket_address emptied = socket_address::ip("1.2.3.4", 5);
  emptied.resize(0);  // what the kernel says of a peer without a name
  CHECK(emptied == none);
  CHECK(emptied.to_string() == "no address");
}

TEST_CASE("an address is copied from a sockaddr, of any family", "[io][socket_address]") {
  const socket_address a = socket_address::ip("1.2.3.4", 5);
  CHECK(socket_address(a.data(), a.size()) == a);
  sockaddr other{};
  other.sa_family = AF_APPLETALK;
  const socket_address b(&other, sizeof other);
  CHECK(b.to_string() == "an address of family " + std::to_string(AF_APPLETALK));
  CHECK(b == socket_address(&other, sizeof other));
  other.sa_data[0] = 1;
  CHECK_FALSE(b == socket_address(&other, sizeof other));
  sockaddr_storage whole{};
  CHECK_NOTHROW(socket_address(reinterpret_cast<sockaddr*>(&whole), socket_address::capacity()));
  CHECK_THROWS_AS(socket_address(reinterpret_cast<sockaddr*>(&whole), socket_address::capacity() + 1),
                  std::length_error);
}

TEST_CASE("addresses are equal when they mean the same", "[io][socket_address]") {
  const socket_address a = socket_address::ip("1.2.3.4", 5);
  sockaddr_in raw{};
  std::memcpy(&raw, a.data(), sizeof raw);
  std::memset(&raw.sin_zero, 7, sizeof raw.sin_zero);
  CHECK(a == socket_address(reinterpret_cast<const sockaddr*>(&raw), sizeof raw));
  CHECK_FALSE(a == socket_address::ip("1.2.3.4", 6));
  CHECK_FALSE(a == socket_address::ip("1.2.3.5", 5));
  CHECK_FALSE(a == socket_address::ip("::ffff:1.2.3.4", 5));
  CHECK_FALSE(socket_address::ip("::1", 5) == socket_address::ip("::2", 5));
  CHECK_FALSE(socket_address::ip("::1", 5) == socket_address::ip("::1", 6));
  sockaddr_un path{};  // with its whole length, as some programs hand it over
  path.sun_family = AF_UNIX;
  std::strcpy(path.sun_path, "/run/x");
  CHECK(socket_address(reinterpret_cast<const sockaddr*>(&path), sizeof path) == socket_address::unix_path("/run/x"));
}

TEST_CASE("more than fits is cut off", "[io][socket_address]") {
  socket_address a = socket_address::ip("1.2.3.4", 5);
  a.resize(socket_address::capacity() + 1);
  CHECK(a.size() == socket_address::capacity());
}

TEST_CASE("a socket says where it is, and where its peer is", "[io][socket_address]") {
  const weft::detail::unique_fd listener(::socket(AF_INET, SOCK_STREAM, 0));
  const socket_address any = socket_address::ip("127.0.0.1", 0);
  REQUIRE(::bind(listener.get(), any.data(), any.size()) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  const socket_address here = weft::local_address(listener.get());
  CHECK(here.host() == "127.0.0.1");
  CHECK(here.port() != 0);

  const weft::detail::unique_fd client(::socket(AF_INET, SOCK_STREAM, 0));
  REQUIRE(::connect(client.get(), here.data(), here.size()) == 0);
  CHECK(weft::peer_address(client.get()) == here);
  socket_address from;
  socklen_t length = socket_address::capacity();
  const weft::detail::unique_fd accepted(::accept(listener.get(), from.data(), &length));
  REQUIRE(accepted);
  from.resize(length);
  CHECK(from == weft::local_address(client.get()));
  CHECK(weft::peer_address(accepted.get()) == from);
}

TEST_CASE("a unix socket without a name has an empty path", "[io][socket_address]") {
  const weft_test::channel pair(weft_test::channel::sockets);
  const socket_address a = weft::local_address(pair.reader.get());
  CHECK(a.family() == AF_UNIX);
  CHECK(a.path().empty());
  CHECK(a.to_string() == "unix:");
  CHECK(a == weft::peer_address(pair.reader.get()));
  CHECK_FALSE(a == socket_address::unix_path("/run/x"));
}

TEST_CASE("what has no address is an error that names the call", "[io][socket_address]") {
  const auto error_of = [](auto ask, int fd) {
    try {
      ask(fd);
    } catch (const std::system_error& e) {
      CHECK_THAT(e.what(), contains("weft: get"));
      return e.code();
    }
    return std::error_code();
  };
  CHECK(error_of(weft::local_address, -1) == std::errc::bad_file_descriptor);
  const weft_test::channel pipe;
  CHECK(error_of(weft::local_address, pipe.reader.get()) == std::errc::not_a_socket);
  const weft::detail::unique_fd alone(::socket(AF_INET, SOCK_STREAM, 0));
  CHECK(error_of(weft::peer_address, alone.get()) == std::errc::not_connected);
}

}  // namespace io_socket_address_test
