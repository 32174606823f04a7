// What CPython's tests of asyncio.BaseEventLoop say of connecting and of servers, for weft/io.
// SPDX-License-Identifier: MIT
//
// CPython replaces sockets and the resolver by mocks. Here there are addresses on this machine at which somebody
// listens, nobody does, or nobody answers.
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
#include <weft/flow/outcome_of.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/resolve.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream.hpp>
#include <weft/threads/to_thread.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/wait_for.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace asyncio_base_events_connections_test {

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
using weft_test::run_on_virtual_time;
using weft_test::socket_option;

// Runs a body, after which no more may be open than before.
template <class Body>
void check_nothing_left_open(Body body) {
  const weft_test::time_limit limit;
  const int before = count_descriptors();
  run_on_virtual_time(std::move(body));
  CHECK(count_descriptors() == before);
}

weft::task<> serve(weft::stream) { co_return; }

// ---- connecting ----

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_multiple_errors
// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_multiple
TEST_CASE("if no address of a host can be reached, the error names them all", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    const bound_socket nobody;
    const bound_socket nobody_else("127.0.0.2");
    auto connecting = connect_to_all({nobody.address, nobody_else.address});
    const auto tried = co_await outcome_of(std::move(connecting));
    CHECK(failure_of(tried).code == std::errc::connection_refused);
    CHECK_THAT(failure_of(tried).what, contains(nobody.address.to_string()));
    CHECK_THAT(failure_of(tried).what, contains(nobody_else.address.to_string()));
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_connect_err
TEST_CASE("if the only address of a host cannot be reached, its error is the one", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    const bound_socket nobody;
    auto connecting = connect_to_all({nobody.address});
    const auto tried = co_await outcome_of(std::move(connecting));
    CHECK(failure_of(tried).code == std::errc::connection_refused);
    CHECK_THAT(failure_of(tried).what, contains("weft: connecting to " + nobody.address.to_string() + ":"));
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_no_getaddrinfo
TEST_CASE("a host without an address is an error", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    auto connecting = connect_to_all({});
    const auto tried = co_await outcome_of(std::move(connecting));
    CHECK(failure_of(tried).code == std::errc::address_not_available);
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_multiple_errors_local_addr
TEST_CASE("what cannot be bound on our side, and what refuses on the other, are named together",
          "[asyncio][base_events]") {
  if (!weft_test::has_ipv6()) return;
  check_nothing_left_open([]() -> weft::task<> {
    const bound_socket v6("::1");  // from where an address of IPv4 cannot be bound
    const bound_socket nobody;
    const connection_options options{.local = socket_address::ip("127.0.0.3", 0)};
    auto connecting = connect_to_all({v6.address, nobody.address}, options);
    const auto tried = co_await outcome_of(std::move(connecting));
    CHECK(failure_of(tried).code.category() == std::generic_category());
    CHECK(failure_of(tried).code != std::errc::connection_refused);
    CHECK_THAT(failure_of(tried).what, contains(v6.address.to_string()));
    CHECK_THAT(failure_of(tried).what, contains(nobody.address.to_string() + ": Connection refused"));
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_timeout
TEST_CASE("connecting that takes too long leaves no socket open", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    const weft_test::silent_listener there;
    const int before = count_descriptors();
    const auto late = co_await outcome_of(weft::wait_for(open_connection("127.0.0.1", there.address.port()), 100ms));
    CHECK(weft_test::failed_with<weft::timeout_error>(late));
    CHECK(count_descriptors() == before);
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_wrong_sock
TEST_CASE("a stream over a socket of another type is refused", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    weft::detail::unique_fd datagrams(::socket(AF_INET, SOCK_DGRAM, 0));
    CHECK_THROWS_WITH(weft::open_stream(datagrams.release()), contains("another type than SOCK_STREAM"));
    co_return;
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_ip_addr
TEST_CASE("a connection to a literal address looks nothing up", "[asyncio][base_events]") {
  for (const std::string host : {"127.0.0.1", "::1"}) {
    if (host == "::1" && !weft_test::has_ipv6()) continue;
    check_nothing_left_open([&]() -> weft::task<> {
      const listener there(host);
      const weft::stream client = co_await open_connection(host, there.address.port());
      CHECK(weft::peer_address(client.writer.descriptor()) == there.address);
      CHECK(weft::default_thread_pool(weft::event_loop::current()).threads() == 0);
    });
  }
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_ipv6_scope
TEST_CASE("an address with a scope keeps it, and is not looked up", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    const auto found = co_await weft::resolve("fe80::1%1", 80);
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].family() == AF_INET6);
    const auto& address = *reinterpret_cast<const sockaddr_in6*>(found[0].data());
    CHECK(address.sin6_scope_id == 1);
    CHECK(ntohs(address.sin6_port) == 80);
    CHECK(weft::default_thread_pool(weft::event_loop::current()).threads() == 0);
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_connection_service_name
TEST_CASE("a service may be named where addresses are looked up", "[asyncio][base_events]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    const auto found = co_await weft::resolve("127.0.0.1", "http");
    REQUIRE(found.size() == 1);
    CHECK(found[0] == socket_address::ip("127.0.0.1", 80));
    const auto tried = co_await outcome_of(weft::resolve("127.0.0.1", "nonsense"));
    CHECK(failure_of(tried).code.category() == weft::resolver_category());
  });
}

// CPython: base_events TestSelectorUtils.test_set_nodelay
TEST_CASE("what is written goes out at once, on both sides of a connection", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    int accepted = -1;
    const auto handler = [&](weft::stream connection) {
      accepted = socket_option(connection.writer.descriptor(), IPPROTO_TCP, TCP_NODELAY);
    };
    weft::server server = co_await weft::start_server(handler, "127.0.0.1", 0);
    weft::stream client = co_await open_connection(server.addresses()[0]);
    CHECK(socket_option(client.writer.descriptor(), IPPROTO_TCP, TCP_NODELAY) == 1);
    co_await client.reader.read();
    CHECK(accepted == 1);
  });
}

// ---- servers ----

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_server_ipv6
TEST_CASE("a server listens at an address of IPv6", "[asyncio][base_events]") {
  if (!weft_test::has_ipv6()) return;
  check_nothing_left_open([]() -> weft::task<> {
    weft::server server = co_await weft::start_server(serve, "::1", 0);
    REQUIRE(server.addresses().size() == 1);
    CHECK(server.addresses()[0].host() == "::1");
    server.close();
    co_await server.wait_closed();
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_server_empty_host
TEST_CASE("an empty host is all interfaces for a server", "[asyncio][base_events]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    weft::server server = co_await weft::start_server(serve, "", 0);
    REQUIRE_FALSE(server.addresses().empty());
    for (const socket_address& where : server.addresses()) {
      CHECK(where.host() == (where.family() == AF_INET ? "0.0.0.0" : "::"));
    }
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_server_no_getaddrinfo
TEST_CASE("a server at a host that nobody knows is an error that names it", "[asyncio][base_events]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    const auto tried = co_await outcome_of(weft::start_server(serve, "nosuchhost.invalid", 0));
    CHECK(failure_of(tried).code.category() == weft::resolver_category());
    CHECK_THAT(failure_of(tried).what, contains("nosuchhost.invalid"));
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_create_server_cant_bind
TEST_CASE("a server that cannot be bound leaves no socket open", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    const int before = count_descriptors();
    const auto tried = co_await outcome_of(weft::start_server(serve, "192.0.2.1", 0));
    CHECK(failure_of(tried).code == std::errc::address_not_available);
    CHECK_THAT(failure_of(tried).what, contains("weft: binding to 192.0.2.1:0"));
    CHECK(count_descriptors() == before);
  });
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_accept_connection_retry
TEST_CASE("a connection that somebody else has accepted is not missed", "[asyncio][base_events]") {
  check_nothing_left_open([]() -> weft::task<> {
    int served = 0;
    const auto count = [&](weft::stream) { ++served; };
    weft::server server = co_await weft::start_server(count, "127.0.0.1", 0);
    const weft::detail::unique_fd first = weft_test::connect_to(server.addresses()[0]);
    weft::detail::unique_fd stolen;
    const auto steals = weft::event_loop::current().call_soon(
        [&] { stolen.reset(::accept(server.descriptors()[0], nullptr, nullptr)); });
    co_await weft::sleep_for(1ms);
    CHECK(stolen);
    CHECK(served == 0);
    CHECK(server.is_serving());
    const weft::detail::unique_fd second = weft_test::connect_to(server.addresses()[0]);
    co_await weft::sleep_for(1ms);
    CHECK(served == 1);
  });
}

}  // namespace asyncio_base_events_connections_test
