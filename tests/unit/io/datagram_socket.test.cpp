// Tests of weft/io/datagram_socket.hpp: making sockets, what arrives, errors, options; how tasks wait is in
// datagram_wait.test.cpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/datagrams.hpp"
#include "support/failure.hpp"

#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/datagram_socket.hpp>

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace io_datagram_socket_test {

using namespace std::string_literals;
using weft::datagram_options;
using weft::datagram_socket;
using weft::socket_address;
using weft_test::any_port;
using weft_test::contains;
using weft_test::error_of;
using weft_test::run_on_every_poller;
using weft_test::socket_directory;

TEST_CASE("what one socket sends another receives, with the sender's address", "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    auto b = datagram_socket::bind(any_port());
    co_await a.send_to("hello", b.local_address());
    std::array<char, 100> buffer;
    const weft::datagram d = co_await b.receive_from(buffer);
    CHECK(std::string_view(buffer.data(), d.size) == "hello");
    CHECK(d.from == a.local_address());
    CHECK_FALSE(d.truncated);
    const std::vector<std::byte> bytes{std::byte{1}, std::byte{0}, std::byte{2}};
    co_await b.send_to(bytes, d.from);
    std::array<std::byte, 100> others;
    const weft::datagram answer = co_await a.receive_from(others);
    CHECK(answer.size == 3);
    CHECK(others[2] == std::byte{2});
    CHECK(answer.from == b.local_address());
  });
}

TEST_CASE("IPv6 and unix sockets take datagrams, too", "[io][datagram_socket]") {
  const socket_directory directory;
  run_on_every_poller([&]() -> weft::task<> {
    const std::pair<socket_address, socket_address> pairs[] = {
      {socket_address::ip("::1", 0), socket_address::ip("::1", 0)},
      {socket_address::unix_path(directory.path("a")), socket_address::unix_path(directory.path("b"))},
#if defined(__linux__)
      {socket_address::unix_path("\0weft-a"s + std::to_string(::getpid())),
       socket_address::unix_path("\0weft-b"s + std::to_string(::getpid()))},
#endif
    };
    for (const auto& [first, second] : pairs) {
      CAPTURE(first.to_string());
      auto a = datagram_socket::bind(first);
      auto b = datagram_socket::bind(second);
      co_await a.send_to("hello", b.local_address());
      std::array<char, 100> buffer;
      const weft::datagram d = co_await b.receive_from(buffer);
      CHECK(std::string_view(buffer.data(), d.size) == "hello");
      CHECK(d.from == a.local_address());
    }
  });
}

TEST_CASE("a connected socket sends to its peer and receives from it only", "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto server = datagram_socket::bind(any_port());
    auto client = datagram_socket::connect(server.local_address());
    auto stranger = datagram_socket::bind(any_port());
    CHECK(client.peer_address() == server.local_address());
    co_await client.send("question");
    std::array<char, 100> buffer;
    const weft::datagram d = co_await server.receive_from(buffer);
    CHECK(d.from == client.local_address());
    co_await stranger.send_to("noise", client.local_address());
    co_await server.send_to("answer", d.from);
    const std::string answer = co_await client.receive();
    CHECK(answer == "answer");
  });
}

TEST_CASE("a connected socket may have an address of its own", "[io][datagram_socket]") {
  const socket_directory directory;
  run_on_every_poller([&]() -> weft::task<> {
    auto server = datagram_socket::bind(socket_address::unix_path(directory.path("server")));
    const socket_address mine = socket_address::unix_path(directory.path("client"));
    auto client = datagram_socket::connect(server.local_address(), datagram_options().local(mine));
    co_await client.send("question");
    std::array<char, 100> buffer;
    const weft::datagram d = co_await server.receive_from(buffer);
    CHECK(d.from == mine);
    auto nameless = datagram_socket::connect(server.local_address());
    co_await nameless.send("?");
    const weft::datagram unsigned_one = co_await server.receive_from(buffer);
    CHECK(unsigned_one.from == socket_address());
  });
}

TEST_CASE("a datagram may be empty, and a buffer too small", "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    co_await a.send_to("", a.local_address());
    co_await a.send_to("0123456789", a.local_address());
    co_await a.send_to("next", a.local_address());
    std::array<char, 4> buffer;
    const weft::datagram none = co_await a.receive_from(buffer);
    CHECK(none.size == 0);
    CHECK_FALSE(none.truncated);
    const weft::datagram cut = co_await a.receive_from(buffer);
    CHECK(cut.size == 4);
    CHECK(std::string_view(buffer.data(), 4) == "0123");
    CHECK(cut.truncated);
    const weft::datagram whole = co_await a.receive_from(buffer);
    CHECK(std::string_view(buffer.data(), whole.size) == "next");
    CHECK_FALSE(whole.truncated);
    co_await a.send_to("ping", a.local_address());
    const weft::datagram unread = co_await a.receive_from(std::span<char>());
    CHECK(unread.size == 0);
    CHECK(unread.truncated);
  });
}

TEST_CASE("receive() takes a datagram of any length, and throws if it is longer than it may be",
          "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    const std::string longest(65507, 'x');
    co_await a.send_to(longest, a.local_address());
    const std::string received = co_await a.receive();
    CHECK(received == longest);
    co_await a.send_to("0123456789", a.local_address());
    co_await a.send_to("next", a.local_address());
    const auto error = co_await error_of(a.receive(9));
    CHECK(error.code == std::errc::message_size);
    CHECK_THAT(error.what, contains("9 bytes") && contains(a.local_address().to_string()));
    const std::string next = co_await a.receive(4);
    CHECK(next == "next");
  });
}

TEST_CASE("a datagram that is too long to send is an error, and the socket can still be used",
          "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    const std::string large(70000, 'x');
    const auto error = co_await error_of(a.send_to(large, a.local_address()));
    CHECK(error.code == std::errc::message_size);
    CHECK_THAT(error.what, contains("weft: sending a datagram to " + a.local_address().to_string()));
    co_await a.send_to("small", a.local_address());
    const std::string received = co_await a.receive();
    CHECK(received == "small");
  });
}

TEST_CASE("a peer that is not there is an error of a connected socket, which names it", "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto server = datagram_socket::bind(any_port());
    const socket_address gone = server.local_address();
    auto client = datagram_socket::connect(gone);
    server.close();
    co_await client.send("anybody?");
    const auto received = co_await error_of(client.receive());
    CHECK(received.code == std::errc::connection_refused);
    CHECK_THAT(received.what, contains("weft: receiving a datagram from " + gone.to_string()));
    co_await client.send("anybody?");
    const auto sent = co_await error_of(client.send("really?"));
    CHECK(sent.code == std::errc::connection_refused);
    CHECK_THAT(sent.what, contains("weft: sending a datagram to " + gone.to_string()));
    // One that is not connected hears nothing of it, as with asyncio.
    auto other = datagram_socket::bind(any_port());
    co_await other.send_to("anybody?", gone);
    co_await other.send_to("really?", gone);
  });
}

TEST_CASE("send() needs a peer", "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    const auto error = co_await error_of(a.send("to whom?"));
    CHECK((error.code == std::errc::destination_address_required || error.code == std::errc::not_connected));
    CHECK_THROWS_AS(a.peer_address(), std::system_error);
  });
}

TEST_CASE("a socket that is closed, or has been moved from, is an error", "[io][datagram_socket]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    CHECK(a.is_open());
    auto b = std::move(a);
    CHECK_FALSE(a.is_open());
    CHECK(b.is_open());
    const int fd = b.descriptor();
    b.close();
    b.close();
    CHECK(b.descriptor() == -1);
    CHECK(::fcntl(fd, F_GETFD) == -1);
    datagram_socket never;
    for (datagram_socket* closed : {&a, &b, &never}) {
      std::array<char, 1> buffer;
      const auto received = co_await error_of(closed->receive_from(buffer));
      CHECK(received.code == std::errc::bad_file_descriptor);
      const auto sent = co_await error_of(closed->send_to("x", any_port()));
      CHECK(sent.code == std::errc::bad_file_descriptor);
      CHECK_THROWS_AS(closed->local_address(), std::system_error);
    }
  });
}

TEST_CASE("assigning a socket closes the one that was there", "[io][datagram_socket]") {
  auto a = datagram_socket::bind(any_port());
  auto b = datagram_socket::bind(any_port());
  const int closed = a.descriptor();
  const int kept = b.descriptor();
  a = std::move(b);
  CHECK(a.descriptor() == kept);
  CHECK(::fcntl(closed, F_GETFD) == -1);
  datagram_socket& same = a;
  a = std::move(same);
  CHECK(a.descriptor() == kept);
}

TEST_CASE("a socket does not block, and programs that are started do not inherit it", "[io][datagram_socket]") {
  const auto a = datagram_socket::bind(any_port());
  CHECK((::fcntl(a.descriptor(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(a.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("an address that is taken is an error, unless both share it", "[io][datagram_socket]") {
  const auto a = datagram_socket::bind(any_port());
  const auto error = error_of([&] { datagram_socket::bind(a.local_address()); });
  CHECK(error.code == std::errc::address_in_use);
  CHECK_THAT(error.what, contains(a.local_address().to_string()));
  const auto first = datagram_socket::bind(any_port(), datagram_options().reuse_port());
  const auto second = datagram_socket::bind(first.local_address(), datagram_options().reuse_port());
  CHECK(second.local_address() == first.local_address());
}

TEST_CASE("no socket can be made for no address", "[io][datagram_socket]") {
  CHECK(error_of([] { datagram_socket::bind(socket_address()); }).code);
  CHECK(error_of([] { datagram_socket::connect(socket_address()); }).code);
  const auto missing = error_of([] { datagram_socket::connect(socket_address::unix_path("/no/such/socket")); });
  CHECK(missing.code == std::errc::no_such_file_or_directory);
  CHECK_THAT(missing.what, contains("unix:/no/such/socket"));
}

TEST_CASE("a stale socket is removed from a unix path, and nothing else is", "[io][datagram_socket]") {
  const socket_directory directory;
  const socket_address path = socket_address::unix_path(directory.path("socket"));
  datagram_socket::bind(path).close();
  struct stat found {};
  CHECK(::stat(path.path().c_str(), &found) == 0);  // it stays when it is closed
  CHECK(datagram_socket::bind(path).local_address() == path);

  const std::string file = directory.path("file");
  std::ofstream(file) << "precious";
  const auto error = error_of([&] { datagram_socket::bind(socket_address::unix_path(file)); });
  CHECK(error.code == std::errc::address_in_use);
  std::string text;
  std::ifstream(file) >> text;
  CHECK(text == "precious");
}

TEST_CASE("broadcasts have to be allowed", "[io][datagram_socket]") {
  const auto option = [](const datagram_socket& s) {
    int on = 0;
    socklen_t size = sizeof on;
    CHECK(::getsockopt(s.descriptor(), SOL_SOCKET, SO_BROADCAST, &on, &size) == 0);
    return on != 0;
  };
  CHECK_FALSE(option(datagram_socket::bind(any_port())));
  CHECK(option(datagram_socket::bind(any_port(), datagram_options().broadcast())));
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    const socket_address everybody = socket_address::ip("127.255.255.255", 9);
    const auto error = co_await error_of(a.send_to("hello, all", everybody));
    CHECK(error.code == std::errc::permission_denied);
  });
}

TEST_CASE("a group's datagrams arrive from joining to leaving it", "[io][datagram_socket]") {
  const unsigned loopback = ::if_nametoindex("lo") != 0 ? ::if_nametoindex("lo") : ::if_nametoindex("lo0");
  run_on_every_poller([loopback]() -> weft::task<> {
    auto listener = datagram_socket::bind(socket_address::ip("0.0.0.0", 0));
    const socket_address group = socket_address::ip("239.255.7.7", listener.local_address().port());
    listener.join(group, loopback);
    auto sender = datagram_socket::bind(any_port());
    ip_mreqn through{};
    through.imr_ifindex = static_cast<int>(loopback);
    const int set = ::setsockopt(sender.descriptor(), IPPROTO_IP, IP_MULTICAST_IF, &through, sizeof through);
    CHECK(set == 0);
    co_await sender.send_to("to the group", group);
    const std::string received = co_await listener.receive();
    CHECK(received == "to the group");
    listener.leave(group, loopback);
    co_await sender.send_to("nobody hears this", group);
    co_await sender.send_to("to one", socket_address::ip("127.0.0.1", group.port()));
    const std::string next = co_await listener.receive();
    CHECK(next == "to one");

    const auto twice = error_of([&] { listener.leave(group, loopback); });
    CHECK_THAT(twice.what, contains("leaving " + group.to_string()));
    const auto no_group = error_of([&] { listener.join(socket_address::ip("127.0.0.1", 1), loopback); });
    CHECK_THAT(no_group.what, contains("joining 127.0.0.1:1"));
    auto v6 = datagram_socket::bind(socket_address::ip("::1", 0));
    v6.join(socket_address::ip("ff01::7:7", 0), loopback);
    v6.leave(socket_address::ip("ff01::7:7", 0), loopback);
  });
}

TEST_CASE("no descriptors left is an error that names the address, and passes", "[io][datagram_socket]") {
  const int child = weft_test::in_child([] {
    rlimit few{16, 16};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
    std::vector<datagram_socket> all;
    const auto make = [&] { all.push_back(datagram_socket::bind(any_port())); };
    weft_test::failure error;
    for (int i = 0; i < 20 && !error.code; ++i) error = error_of(make);
    if (error.code != std::errc::too_many_files_open) return 2;
    if (error.what.find(any_port().to_string()) == std::string::npos) return 3;
    all.pop_back();
    return error_of(make).code ? 4 : 0;
  });
  CHECK(child == 0);
}

}  // namespace io_datagram_socket_test
