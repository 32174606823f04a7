// Tests of weft/io/open_connection.hpp: whom it reaches, which of several addresses wins, and that nothing is left of
// the others.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/connect_to_all.hpp"
#include "support/contains.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/wait_for.hpp>
#include <weft/time/with_timeout.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace io_open_connection_test {

using namespace std::chrono_literals;
using weft::connection_options;
using weft::open_connection;
using weft::outcome_of;
using weft::socket_address;
using weft_test::bound_socket;
using weft_test::connect_to_all;
using weft_test::contains;
using weft_test::count_descriptors;
using weft_test::failure_of;
using weft_test::listener;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::silent_listener;
using weft_test::socket_option;
using weft_test::temporary_folder;

// Runs a body, after which no more may be open than before. Time is virtual: what happens between sockets of one
// process has happened by the time the loop would wait.
template <class Body>
void check_connecting(Body body) {
  const weft_test::time_limit limit;
  const int before = count_descriptors();
  run_on_virtual_time(std::move(body));
  CHECK(count_descriptors() == before);
}

// A byte each way between a client and what the listener accepted.
weft::task<> check_connected(weft::stream& client, const listener& there) {
  const weft::detail::unique_fd peer = there.accept();
  co_await client.writer.write("?");
  char byte = 0;
  CHECK(::read(peer.get(), &byte, 1) == 1);
  CHECK(byte == '?');
  CHECK(::write(peer.get(), "!", 1) == 1);
  const std::string answer = co_await client.reader.read_exactly(1);
  CHECK(answer == "!");
}

// A unix socket that listens.
class unix_listener {
 public:
  explicit unix_listener(const std::string& path, int backlog = 16) : address(socket_address::unix_path(path)) {
    fd.reset(::socket(AF_UNIX, SOCK_STREAM, 0));
    if (::bind(fd.get(), address.data(), address.size()) != 0) weft_test::fail_call("bind");
    if (::listen(fd.get(), backlog) != 0) weft_test::fail_call("listen");
  }

  weft::detail::unique_fd fd;
  socket_address address;
};

// ---- who is reached ----

TEST_CASE("a connection to an address of IPv4 is non-blocking, and not for programs that are started",
          "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    weft::stream client = co_await open_connection("127.0.0.1", there.address.port());
    co_await check_connected(client, there);
    const int fd = client.writer.descriptor();
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(weft::peer_address(fd) == there.address);
  });
}

TEST_CASE("a connection to an address of IPv6", "[io][open_connection]") {
  if (!weft_test::has_ipv6()) return;
  check_connecting([]() -> weft::task<> {
    const listener there("::1");
    weft::stream client = co_await open_connection("::1", there.address.port());
    co_await check_connected(client, there);
    weft::stream other = co_await open_connection(there.address);
    CHECK(weft::peer_address(other.writer.descriptor()) == there.address);
  });
}

TEST_CASE("a connection to a name", "[io][open_connection]") {
  const weft_test::time_limit limit;
  const listener there;
  weft::run([&]() -> weft::task<> {
    const connection_options options{.family = AF_INET};
    weft::stream client = co_await open_connection("localhost", there.address.port(), options);
    co_await check_connected(client, there);
  });
}

TEST_CASE("a connection to a unix socket, by path and by abstract name", "[io][open_connection]") {
  const temporary_folder folder;
  const std::string abstract = '\0' + folder.file("abstract");
  for (const std::string& path : {folder.file("socket"), abstract}) {
    check_connecting([&]() -> weft::task<> {
      const unix_listener there(path);
      weft::stream client = co_await weft::open_unix_connection(path);
      weft::stream other = co_await open_connection(there.address);
      const weft::detail::unique_fd peer(::accept(there.fd.get(), nullptr, nullptr));
      co_await client.writer.write("hello");
      char bytes[8];
      CHECK(::read(peer.get(), bytes, sizeof bytes) == 5);
    });
    ::unlink(folder.file("socket").c_str());
  }
}

TEST_CASE("a connection comes from the local address that is asked for", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    const connection_options options{.local = socket_address::ip("127.0.0.3", 0)};
    weft::stream client = co_await open_connection(there.address, options);
    CHECK(weft::local_address(client.writer.descriptor()).host() == "127.0.0.3");
    CHECK(weft::peer_address(there.accept().get()).host() == "127.0.0.3");
  });
}

TEST_CASE("options of a connection are those of its socket", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    const weft::stream plain = co_await open_connection(there.address);
    CHECK(socket_option(plain.writer.descriptor(), IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(socket_option(plain.writer.descriptor(), SOL_SOCKET, SO_KEEPALIVE) == 0);
    const connection_options options{.no_delay = false, .keep_alive = true};
    const weft::stream other = co_await open_connection(there.address, options);
    CHECK(socket_option(other.writer.descriptor(), IPPROTO_TCP, TCP_NODELAY) == 0);
    CHECK(socket_option(other.writer.descriptor(), SOL_SOCKET, SO_KEEPALIVE) == 1);
  });
}

TEST_CASE("the limit of a connection is that of its reader", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    const connection_options options{.limit = 4};
    weft::stream client = co_await open_connection(there.address, options);
    const weft::detail::unique_fd peer = there.accept();
    CHECK(::write(peer.get(), "123456\n", 7) == 7);
    const auto line = co_await outcome_of(client.reader.read_line());
    CHECK(weft_test::failed_with<weft::limit_overrun_error>(line));
  });
}

TEST_CASE("connect_socket gives the socket itself", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    const weft::unique_fd fd = co_await weft::connect_socket(there.address);
    CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(weft::peer_address(fd.get()) == there.address);
    CHECK_FALSE(weft::event_loop::current().is_watched(fd.get(), weft::interest::both));
  });
}

TEST_CASE("who hangs up at once was connected to", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    weft::stream client = co_await open_connection("127.0.0.1", there.address.port());
    there.accept().reset();
    const std::string nothing = co_await client.reader.read();
    CHECK(nothing.empty());
  });
}

// ---- who is not ----

TEST_CASE("a connection that is refused names the address", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const bound_socket nobody;
    const auto tried = co_await outcome_of(open_connection("127.0.0.1", nobody.address.port()));
    CHECK(failure_of(tried).code == std::errc::connection_refused);
    CHECK_THAT(failure_of(tried).what, contains("weft: connecting to " + nobody.address.to_string()));
    const auto again = co_await outcome_of(open_connection(nobody.address));
    CHECK(failure_of(again).code == std::errc::connection_refused);
  });
}

TEST_CASE("a host that nobody knows is named", "[io][open_connection]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    const auto tried = co_await outcome_of(open_connection("nosuchhost.invalid", 80));
    CHECK(failure_of(tried).code.category() == weft::resolver_category());
    CHECK_THAT(failure_of(tried).what, contains("nosuchhost.invalid"));
  });
}

TEST_CASE("what cannot be a port or a path is refused at once", "[io][open_connection]") {
  CHECK_THROWS_AS(open_connection("127.0.0.1", 65536), std::out_of_range);
  CHECK_THROWS_AS(weft::open_unix_connection(""), std::invalid_argument);
  CHECK_THROWS_AS(weft::open_unix_connection(std::string("a\0b", 3)), std::invalid_argument);
  const std::string longest(sizeof(sockaddr_un::sun_path) - 1, 'x');
  CHECK_THROWS_AS(weft::open_unix_connection(longest + "x"), std::length_error);
  CHECK_THROWS_WITH(weft::open_unix_connection(longest + "x"), contains("has 108 bytes"));
}

TEST_CASE("a path where no socket is", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const temporary_folder folder;
    const auto tried = co_await outcome_of(weft::open_unix_connection(folder.file("nothing")));
    CHECK(failure_of(tried).code == std::errc::no_such_file_or_directory);
    CHECK_THAT(failure_of(tried).what, contains("unix:" + folder.file("nothing")));
  });
}

TEST_CASE("a local address that is not ours is named", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    const connection_options options{.local = socket_address::ip("192.0.2.1", 0)};
    const auto tried = co_await outcome_of(open_connection("127.0.0.1", there.address.port(), options));
    CHECK(failure_of(tried).code == std::errc::address_not_available);
    CHECK_THAT(failure_of(tried).what, contains("weft: binding to 192.0.2.1:0"));
  });
}

TEST_CASE("a family that the host has no address of", "[io][open_connection]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    const connection_options options{.family = AF_INET6};
    const auto tried = co_await outcome_of(open_connection("127.0.0.1", 1, options));
    CHECK(failure_of(tried).code.category() == weft::resolver_category());
  });
}

TEST_CASE("a limit of nothing, or of less, leaves no connection", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    const int negative = -1;
    for (const std::size_t limit : {std::size_t{0}, static_cast<std::size_t>(negative)}) {
      const connection_options options{.limit = limit};
      const auto to_address = co_await outcome_of(open_connection(there.address, options));
      CHECK(weft_test::failed_with<std::invalid_argument>(to_address));
      const auto to_host = co_await outcome_of(open_connection("127.0.0.1", there.address.port(), options));
      CHECK(weft_test::failed_with<std::invalid_argument>(to_host));
      const auto to_nobody = co_await outcome_of(weft::open_unix_connection("/nowhere/at/all", options));
      CHECK(weft_test::failed_with<std::invalid_argument>(to_nobody));
    }
  });
}

// ---- who does not answer ----

TEST_CASE("connecting ends with the time that it was given", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const silent_listener there;
    const int before = count_descriptors();
    const auto late = co_await outcome_of(weft::wait_for(open_connection(there.address), 300ms));
    CHECK(weft_test::failed_with<weft::timeout_error>(late));
    CHECK(now_ms() == 300);
    CHECK(count_descriptors() == before);
    const auto by_name =
        co_await outcome_of(weft::with_timeout(200ms, open_connection("127.0.0.1", there.address.port())));
    CHECK(weft_test::failed_with<weft::timeout_error>(by_name));
    CHECK(now_ms() == 500);
    CHECK(count_descriptors() == before);
  });
}

TEST_CASE("connecting is cancelled", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const silent_listener there;
    const int before = count_descriptors();
    auto connecting = weft::create_task(open_connection(there.address));
    co_await weft::sleep_for(10ms);
    CHECK(count_descriptors() == before + 1);
    connecting.cancel();
    const auto ended = co_await outcome_of(connecting);
    CHECK(ended.cancelled());
    CHECK(count_descriptors() == before);
  });
}

TEST_CASE("connecting goes with the loop", "[io][open_connection]") {
  const weft_test::time_limit limit;
  const int before = count_descriptors();
  {
    const silent_listener there;
    weft::virtual_clock time(1000);
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});  // that tasks are destroyed is what is wanted
    const connection_options options{.happy_eyeballs_delay = 10ms};
    loop.create_task(open_connection(there.address));
    loop.create_task(connect_to_all({there.address, there.address}, options));
    const auto wait = []() -> weft::task<> { co_await weft::sleep_for(100ms); };
    loop.run_until_complete(wait);
    CHECK(count_descriptors() > before + 3);
  }
  CHECK(count_descriptors() == before);
}

TEST_CASE("a unix socket whose queue is full is tried again until it has room", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const temporary_folder folder;
    const unix_listener there(folder.file("socket"), 0);
    const weft::stream first = co_await weft::open_unix_connection(folder.file("socket"));
    auto second = weft::create_task(weft::open_unix_connection(folder.file("socket")));
    co_await weft::sleep_for(95ms);
    CHECK_FALSE(second.done());
    const weft::detail::unique_fd taken(::accept(there.fd.get(), nullptr, nullptr));
    co_await second;
    CHECK(now_ms() == 100);
  });
}

// ---- several addresses ----

TEST_CASE("addresses are tried one after the other", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const bound_socket nobody;
    const listener there;
    auto connecting = connect_to_all({nobody.address, nobody.address, there.address});
    weft::stream client = co_await std::move(connecting);
    CHECK(weft::peer_address(client.writer.descriptor()) == there.address);
    co_await check_connected(client, there);
  });
}

TEST_CASE("one after the other waits for each", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const silent_listener nobody;
    const listener there;
    auto connecting = connect_to_all({nobody.address, there.address});
    const auto tried = co_await outcome_of(weft::wait_for(std::move(connecting), 10s));
    CHECK(weft_test::failed_with<weft::timeout_error>(tried));
  });
}

TEST_CASE("if no address can be reached, one error names them all", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const temporary_folder folder;
    const auto missing = socket_address::unix_path(folder.file("missing"));
    const bound_socket nobody;
    const bound_socket nobody_else("127.0.0.2");
    for (const weft::duration delay : {weft::duration(0), weft::duration(250ms)}) {
      const connection_options options{.happy_eyeballs_delay = delay};
      auto connecting = connect_to_all({missing, nobody.address, nobody_else.address}, options);
      // Only those of the interleaved one are in another order: the families take turns.
      const auto tried = co_await outcome_of(std::move(connecting));
      CHECK(failure_of(tried).code == std::errc::no_such_file_or_directory);
      CHECK_THAT(failure_of(tried).what, contains("weft: connecting to unix:" + folder.file("missing") + " (and to " +
                                                  nobody.address.to_string() + ": Connection refused, to " +
                                                  nobody_else.address.to_string() + ": Connection refused)"));
    }
  });
}

TEST_CASE("no address at all is an error", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    auto connecting = connect_to_all({});
    const auto tried = co_await outcome_of(std::move(connecting));
    CHECK(failure_of(tried).code == std::errc::address_not_available);
  });
}

TEST_CASE("an address that does not answer is passed over after the delay", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const silent_listener nobody;
    const listener there;
    const int before = count_descriptors();
    const connection_options options{.happy_eyeballs_delay = 250ms};
    auto connecting = connect_to_all({nobody.address, there.address}, options);
    weft::stream client = co_await std::move(connecting);
    CHECK(now_ms() == 250);
    CHECK(weft::peer_address(client.writer.descriptor()) == there.address);
    CHECK(count_descriptors() == before + 1);
    co_await check_connected(client, there);
  });
}

TEST_CASE("an address that refuses is passed over at once", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const bound_socket nobody;
    const listener there;
    const connection_options options{.happy_eyeballs_delay = 250ms};
    auto connecting = connect_to_all({nobody.address, nobody.address, there.address}, options);
    weft::stream client = co_await std::move(connecting);
    CHECK(now_ms() == 0);
    co_await check_connected(client, there);
  });
}

TEST_CASE("the first address wins if it answers within the delay", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener first;
    const listener second;
    const connection_options options{.happy_eyeballs_delay = 250ms};
    auto connecting = connect_to_all({first.address, second.address}, options);
    weft::stream client = co_await std::move(connecting);
    CHECK(now_ms() == 0);
    CHECK(weft::peer_address(client.writer.descriptor()) == first.address);
  });
}

TEST_CASE("an address may win after others were begun", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const temporary_folder folder;
    const unix_listener slow(folder.file("socket"), 0);
    const auto waiting = weft_test::connect_to(slow.address);
    const silent_listener nobody;
    const connection_options options{.happy_eyeballs_delay = 25ms};
    auto connecting = weft::create_task(connect_to_all({slow.address, nobody.address, nobody.address}, options));
    co_await weft::sleep_for(95ms);
    const weft::detail::unique_fd taken(::accept(slow.fd.get(), nullptr, nullptr));
    const weft::stream& client = co_await connecting;
    CHECK(now_ms() == 100);
    CHECK(weft::peer_address(client.writer.descriptor()) == slow.address);
  });
}

TEST_CASE("the error is that of the first address, though others fail before", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const temporary_folder folder;
    auto slow = std::make_unique<unix_listener>(folder.file("socket"), 0);
    const auto waiting = weft_test::connect_to(slow->address);
    const bound_socket nobody;
    const connection_options options{.happy_eyeballs_delay = 2ms};
    auto connecting = weft::create_task(connect_to_all({slow->address, nobody.address}, options));
    co_await weft::sleep_for(5ms);
    CHECK_FALSE(connecting.done());
    ::unlink(folder.file("socket").c_str());
    slow = nullptr;
    const auto tried = co_await outcome_of(connecting);
    CHECK(failure_of(tried).code == std::errc::no_such_file_or_directory);
    CHECK_THAT(failure_of(tried).what,
               contains("(and to " + nobody.address.to_string() + ": Connection refused): No such file"));
  });
}

TEST_CASE("trying several addresses is cancelled in the middle", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const silent_listener nobody;
    const bound_socket refuses;
    const int before = count_descriptors();
    const connection_options options{.happy_eyeballs_delay = 10ms};
    const std::vector<socket_address> all{nobody.address, refuses.address, nobody.address, nobody.address};
    for (const weft::duration when : {0ms, 5ms, 15ms, 25ms, 500ms}) {
      auto connecting = weft::create_task(connect_to_all(all, options));
      if (when > 0ms) co_await weft::sleep_for(when);
      connecting.cancel();
      const auto ended = co_await outcome_of(connecting);
      CHECK(ended.cancelled());
      CHECK(count_descriptors() == before);
    }
  });
}

TEST_CASE("a connection that is made and cancelled in the same pass is closed", "[io][open_connection]") {
  check_connecting([]() -> weft::task<> {
    const listener there;
    const int before = count_descriptors();
    for (int passes = 0; passes < 6; ++passes) {
      {
        auto connecting = weft::create_task(open_connection(there.address));
        for (int i = 0; i < passes; ++i) co_await weft::yield();
        connecting.cancel();
        const auto ended = co_await outcome_of(connecting);
        CHECK((ended.cancelled() || ended.has_value()));
      }
      co_await weft::sleep_for(1ms);
      CHECK(count_descriptors() == before);
    }
  });
}

}  // namespace io_open_connection_test
