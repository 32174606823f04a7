// What CPython's tests of asyncio's event loops say of connections, servers and pipes, for weft/io.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/pipe.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream.hpp>
#include <weft/io/wait_readable.hpp>
#include <weft/sync/yield.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio_events_streams_test {

using weft::connection_options;
using weft::open_connection;
using weft::outcome_of;
using weft::socket_address;
using weft_test::channel;
using weft_test::contains;
using weft_test::failure_of;
using weft_test::listener;
using weft_test::run_on_virtual_time;

// What has arrived at a descriptor, which blocks.
std::string received(int fd, std::size_t at_most = 1024) {
  std::string bytes(at_most, '\0');
  const ssize_t n = ::read(fd, bytes.data(), bytes.size());
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

// A server that reads all of each connection, and where its peers are.
class collector {
 public:
  weft::task<weft::server> start(std::string host, unsigned port = 0, weft::server_options options = {}) {
    const auto collect = [this](weft::stream_reader reader, weft::stream_writer writer) -> weft::task<> {
      peers += weft::peer_address(writer.descriptor()).host() + " ";
      data += co_await reader.read();
    };
    return weft::start_server(collect, std::move(host), port, options);
  }

  std::string data;
  std::string peers;
};

weft::task<> send(socket_address where, std::string what) {
  weft::stream client = co_await open_connection(where);
  co_await client.writer.write(what);
  client.writer.write_eof();
  co_await client.reader.read();
}

// ---- connections ----

// CPython: events EventLoopTestsMixin.test_create_connection_local_addr
TEST_CASE("a connection comes from the local address and port that is asked for", "[asyncio][events]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    const listener there;
    unsigned port = 0;
    {
      const weft_test::bound_socket free;
      port = free.address.port();
    }
    const connection_options options{.local = socket_address::ip("127.0.0.1", port)};
    weft::stream client = co_await open_connection("127.0.0.1", there.address.port(), options);
    CHECK(weft::local_address(client.writer.descriptor()).port() == port);
    CHECK(weft::peer_address(there.accept().get()).port() == port);
  });
}

// CPython: events EventLoopTestsMixin.test_create_connection_local_addr_skip_different_family
// CPython: events EventLoopTestsMixin.test_create_connection_local_addr_nomatch_family
TEST_CASE("a local address of another family reaches nobody", "[asyncio][events]") {
  if (!weft_test::has_ipv6()) return;
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    const listener there;
    const connection_options options{.local = socket_address::ip("::1", 0)};
    const auto tried = co_await outcome_of(open_connection("127.0.0.1", there.address.port(), options));
    CHECK(tried.failed());
    CHECK_THAT(failure_of(tried).what, contains("weft: binding to [::1]:0"));
  });
}

// CPython: events EventLoopTestsMixin.test_create_connection_local_addr_in_use
TEST_CASE("a local address that is in use is named", "[asyncio][events]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    const listener there;
    const connection_options options{.local = there.address};
    const auto tried = co_await outcome_of(open_connection("127.0.0.1", there.address.port(), options));
    CHECK(failure_of(tried).code == std::errc::address_in_use);
    CHECK_THAT(failure_of(tried).what, contains(there.address.to_string()));
  });
}

// CPython: events EventLoopTestsMixin.test_connect_accepted_socket
TEST_CASE("a connection that was accepted without the loop becomes a stream", "[asyncio][events]") {
  const weft_test::time_limit limit;
  const listener there;
  std::string answer;
  std::thread client([&] {
    const weft::detail::unique_fd fd = weft_test::connect_to(there.address);
    if (::write(fd.get(), "test data", 9) == 9) answer = received(fd.get());
  });
  weft::run([&]() -> weft::task<> {
    auto [reader, writer] = weft::open_stream(there.accept().release());
    const std::string data = co_await reader.read_exactly(9);
    CHECK(data == "test data");
    co_await writer.write("roger");
    const std::string rest = co_await reader.read();
    CHECK(rest.empty());
    writer.close();
    co_await writer.wait_closed();
  });
  client.join();
  CHECK(answer == "roger");
}

// CPython: events EventLoopTestsMixin.test_prompt_cancellation
TEST_CASE("waiting for a socket is cancelled at once", "[asyncio][events]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    const channel sockets(channel::sockets);
    const auto wait = [&]() -> weft::task<> { co_await weft::wait_readable(sockets.reader.get()); };
    auto waits = weft::create_task(wait);
    const auto soon = weft::event_loop::current().call_soon([&] { waits.cancel(); });
    const auto ended = co_await outcome_of(waits);
    CHECK(ended.cancelled());
    CHECK(waits.cancelled());
    CHECK_FALSE(weft::event_loop::current().is_watched(sockets.reader.get(), weft::interest::both));
  });
}

// ---- servers ----

// CPython: events EventLoopTestsMixin.test_create_server
TEST_CASE("a server at all interfaces of IPv4 has one socket, and knows its peers", "[asyncio][events]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    collector all;
    weft::server server = co_await all.start("0.0.0.0");
    REQUIRE(server.descriptors().size() == 1);
    const socket_address where = weft::local_address(server.descriptors()[0]);
    CHECK(where.host() == "0.0.0.0");
    co_await send(socket_address::ip("127.0.0.1", where.port()), "xxx");
    CHECK(all.data == "xxx");
    CHECK(all.peers == "127.0.0.1 ");
    server.close();
    co_await server.wait_closed();
  });
}

// CPython: events EventLoopTestsMixin.test_create_unix_server
TEST_CASE("a server at a path serves whoever connects there", "[asyncio][events]") {
  const weft_test::time_limit limit;
  const weft_test::temporary_folder folder;
  run_on_virtual_time([&]() -> weft::task<> {
    std::string data;
    const auto collect = [&](weft::stream_reader reader, weft::stream_writer) -> weft::task<> {
      data += co_await reader.read();
    };
    weft::server server = co_await weft::start_unix_server(collect, folder.file("socket"));
    REQUIRE(server.addresses().size() == 1);
    co_await send(socket_address::unix_path(folder.file("socket")), "xxx");
    CHECK(data == "xxx");
    server.close();
    co_await server.wait_closed();
  });
}

// CPython: events EventLoopTestsMixin.test_create_server_reuse_port
TEST_CASE("a port is shared only if that is asked for", "[asyncio][events]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    collector all;
    for (const bool shared : {false, true}) {
      const weft::server_options options{.reuse_port = shared};
      weft::server server = co_await all.start("0.0.0.0", 0, options);
      REQUIRE(server.descriptors().size() == 1);
      CHECK((weft_test::socket_option(server.descriptors()[0], SOL_SOCKET, SO_REUSEPORT) != 0) == shared);
    }
  });
}

// CPython: events EventLoopTestsMixin.test_create_server_addr_in_use
TEST_CASE("a server at a port that is in use is an error", "[asyncio][events]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    collector all;
    weft::server first = co_await all.start("0.0.0.0");
    const auto second = co_await outcome_of(all.start("0.0.0.0", first.addresses()[0].port()));
    CHECK(failure_of(second).code == std::errc::address_in_use);
  });
}

// CPython: events EventLoopTestsMixin.test_create_server_dual_stack
TEST_CASE("a server without a host is reached by both families at one port", "[asyncio][events]") {
  if (!weft_test::has_ipv6()) return;
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    unsigned port = 0;
    {
      const weft_test::bound_socket free("::1");
      port = free.address.port();
    }
    collector all;
    weft::server server = co_await all.start("", port);
    co_await send(socket_address::ip("127.0.0.1", port), "four ");
    co_await send(socket_address::ip("::1", port), "six");
    CHECK(all.data == "four six");
  });
}

// CPython: events EventLoopTestsMixin.test_server_close
TEST_CASE("a server that is closed refuses", "[asyncio][events]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    collector all;
    weft::server server = co_await all.start("0.0.0.0");
    const auto where = socket_address::ip("127.0.0.1", server.addresses()[0].port());
    co_await send(where, "xxx");
    server.close();
    const auto tried = co_await outcome_of(open_connection(where));
    CHECK(failure_of(tried).code == std::errc::connection_refused);
  });
}

// ---- pipes ----

// CPython: events EventLoopTestsMixin.test_read_pipe
TEST_CASE("what comes through a pipe is read as it comes, and then the end", "[asyncio][events]") {
  const weft_test::time_limit limit;
  channel pipe;
  weft::run([&]() -> weft::task<> {
    weft::stream_reader reader = weft::open_reader(pipe.reader.release());
    REQUIRE(::write(pipe.writer.get(), "1", 1) == 1);
    std::string data = co_await reader.read(10);
    CHECK(data == "1");
    REQUIRE(::write(pipe.writer.get(), "2345", 4) == 4);
    data = co_await reader.read_exactly(4);
    CHECK(data == "2345");
    CHECK_FALSE(reader.at_eof());
    pipe.writer.reset();
    data = co_await reader.read();
    CHECK(data.empty());
    CHECK(reader.at_eof());
  });
}

// CPython: events EventLoopTestsMixin.test_write_pipe
TEST_CASE("what is written into a pipe comes out of it", "[asyncio][events]") {
  const weft_test::time_limit limit;
  channel pipe;
  weft::run([&]() -> weft::task<> {
    const int fd = pipe.writer.get();
    weft::stream_writer writer = weft::open_writer(pipe.writer.release());
    co_await writer.write("1");
    CHECK(received(pipe.reader.get()) == "1");
    co_await writer.write("2345");
    CHECK(received(pipe.reader.get()) == "2345");
    CHECK_FALSE(writer.is_closing());
    CHECK(writer.descriptor() == fd);
    pipe.reader.reset();
    writer.close();
    co_await writer.wait_closed();
    CHECK(writer.descriptor() == -1);
  });
}

// asyncio closes it as soon as the peer has closed, or only half-closed, its side.
TEST_CASE("a stream that is only written learns by writing that its peer has gone, if it is over a socket",
          "[asyncio][events]") {
  const weft_test::time_limit limit;
  channel sockets(channel::sockets);
  weft::run([&]() -> weft::task<> {
    weft::stream_writer writer = weft::open_writer(sockets.writer.release());
    co_await writer.write("1");
    CHECK(received(sockets.reader.get()) == "1");
    sockets.reader.reset();
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    CHECK_FALSE(writer.is_closing());
    const auto failed = co_await outcome_of(writer.write("2"));
    CHECK(failure_of(failed).code == std::errc::broken_pipe);
    const auto closed = co_await outcome_of(writer.wait_closed());
    CHECK(failure_of(closed).code == std::errc::broken_pipe);
  });
}

}  // namespace asyncio_events_streams_test
